namespace Fastblock.Storage.Log;

/// <summary>Counters of a log since it was opened, and its present fill.</summary>
internal struct LogStatistics
{
    public long Writes { get; set; }
    public long Batches { get; set; }
    public long Entries { get; set; }
    public long KvRecords { get; set; }

    /// <summary>Bytes written to the device, headers and padding included.</summary>
    public long BytesWritten { get; set; }

    /// <summary>Of these, payload of entries appended by the owner.</summary>
    public long PayloadBytes { get; set; }

    /// <summary>Entries and payload bytes that the cleaner had to copy.</summary>
    public long CopiedEntries { get; set; }
    public long CopiedBytes { get; set; }

    /// <summary>Bytes that cleaning appended in all (copies of entries and pairs, bases, batch headers).</summary>
    public long CleaningBytes { get; set; }

    public long CacheHits { get; set; }
    public long CacheMisses { get; set; }
    public long SegmentsFreed { get; set; }

    /// <summary>Appends refused because the log was full.</summary>
    public long Refused { get; set; }
}

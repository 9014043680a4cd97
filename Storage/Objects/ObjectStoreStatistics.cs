namespace Fastblock.Storage.Objects;

/// <summary>Counters of an object store since it was opened.</summary>
internal struct ObjectStoreStatistics
{
    public long Reads;
    public long BlocksRead;

    /// <summary>Device requests that reads of objects took.</summary>
    public long ReadRequests;

    public long CrcPageMisses;

    /// <summary>Blocks whose contents did not match their checksum.</summary>
    public long BadBlocks;

    /// <summary>Checksum pages that did not match their sum.</summary>
    public long BadCrcPages;

    /// <summary>Entries skipped because the object already held them (replay).</summary>
    public long Skipped;

    public long BlocksApplied;
    public long BlocksDiscarded;

    /// <summary>Blocks written home, and checksum pages written with them.</summary>
    public long BlocksMoved;
    public long CrcPagesWritten;

    /// <summary>Records written or deleted.</summary>
    public long RecordsWritten;

    /// <summary>Reservations refused for lack of room.</summary>
    public long Refused;
}

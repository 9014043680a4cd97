using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>Limits of a log in memory. The simulator sets them tiny.</summary>
internal sealed record DiskLogOptions
{
    /// <summary>Device writes under way at once, at least 2: more arrivals gather into the next one (group commit).</summary>
    public int MaxWritesInFlight { get; init; } = 4;

    /// <summary>Writes being gathered, waiting or under way; beyond it appends answer Again.</summary>
    public int WriteSlots { get; init; } = 12;

    /// <summary>Largest device write. A larger one gains nothing and delays what follows.</summary>
    public int MaxWriteBytes { get; init; } = (int)Units.MiB;

    /// <summary>Payload bytes of recent entries that stay in memory for followers that are a little behind, counted by the
    /// capacity of the retained buffers (they are missing from the reactor's pool).</summary>
    public long CacheBytes { get; init; } = 4 * Units.MiB;

    /// <summary>Entries whose payload buffers can be retained at once.</summary>
    public int CacheEntries { get; init; } = 4096;

    /// <summary>Bytes of recent entries' headers and checksums kept in memory.</summary>
    public int HeaderCacheBytes { get; init; } = (int)(2 * Units.MiB);

    /// <summary>Cleaning begins when fewer segments than this are free; 0 = half of all.</summary>
    public int CleanBelowSegments { get; init; }

    /// <summary>After this long without appends a header-only batch is written that says that all before it is durable, so
    /// that rot of the last batches is told apart from a torn tail. 0 = never.</summary>
    public long SealAfterNanos { get; init; } = 50 * Units.NanosPerMilli;
}

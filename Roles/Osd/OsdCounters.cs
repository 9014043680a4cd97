using Fastblock.Roles.Metrics;

namespace Fastblock.Roles.Osd;

/// <summary>What a shard counts: plain numbers, written by its reactor only; whoever reads them from another thread sees
/// values that may be a moment old.</summary>
internal sealed class OsdCounters
{
    public long Reads;
    public long ReadBytes;
    public long Writes;
    public long WriteBytes;

    /// <summary>From arrival to answer, of those that succeeded.</summary>
    public readonly LatencyHistogram ReadLatency = new();
    public readonly LatencyHistogram WriteLatency = new();

    /// <summary>Writes that arrived with other bytes than the client had checksummed.</summary>
    public long ChecksumMismatches;

    /// <summary>Blocks that could not be read undamaged from the device.</summary>
    public long ReadErrors;

    /// <summary>Blocks, and checksum pages, that were damaged here and have been written anew.</summary>
    public long RepairedBlocks;

    /// <summary>Reads answered with the help of another replica.</summary>
    public long ReadsFromPeers;

    /// <summary>Data read and checked here for scrubs.</summary>
    public long ScrubbedBytes;

    /// <summary>Objects of PGs led here that scrubs compared.</summary>
    public long ScrubbedObjects;

    /// <summary>Objects of which a scrub found replicas that differ although each matches its checksums.</summary>
    public long ScrubDifferences;

    /// <summary>Objects taken over from another replica because the log did not reach back far enough.</summary>
    public long RecoveredObjects;
}

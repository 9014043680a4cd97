using Fastblock.Roles.Metrics;

namespace Fastblock.Roles.Nbd;

/// <summary>Counters of one NBD server; they only grow.</summary>
internal sealed class NbdStats
{
    public long Connections;
    public long Reads;
    public long ReadBytes;
    public long Writes;
    public long WrittenBytes;
    public long Flushes;

    /// <summary>From a command's header to its answer, of those that succeeded.</summary>
    public readonly LatencyHistogram ReadLatency = new();
    public readonly LatencyHistogram WriteLatency = new();
    public long Trims;
    public long BlockStatuses;

    /// <summary>Commands that were answered with an error.</summary>
    public long Errors;

    /// <summary>Connections that were closed because of what the client sent.</summary>
    public long ProtocolErrors;
}

using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Config;

/// <summary>Section [osd]: one OSD.</summary>
internal sealed record OsdConfig
{
    /// <summary>File or block device with the data, made by `osd mkfs`.</summary>
    public string Device { get; init; } = "";

    /// <summary>Where clients reach it.</summary>
    public string PublicAddress { get; init; } = "127.0.0.1:0";

    /// <summary>Where other OSDs reach it; empty = the public address.</summary>
    public string ClusterAddress { get; init; } = "";

    /// <summary>Cores that run reactors, as bits; 0 = one reactor that the kernel may place.</summary>
    public ulong CoreMask { get; init; }

    public WaitStrategy Poll { get; init; } = WaitStrategy.Adaptive;

    /// <summary>How long an adaptive reactor spins after its last work.</summary>
    public int SpinMicros { get; init; } = 200;

    /// <summary>Time in which every object is scrubbed once; 0 = only when asked for.</summary>
    public int ScrubIntervalHours { get; init; } = 168;

    /// <summary>How fast a shard reads for scrubs.</summary>
    public int ScrubMibPerSecond { get; init; } = 32;

    /// <summary>HTTP endpoint for /metrics and /health; empty = none.</summary>
    public string MetricsAddress { get; init; } = "";
}

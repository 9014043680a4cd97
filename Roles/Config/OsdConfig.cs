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

    /// <summary>Cores that may run reactors, as bits.</summary>
    public ulong CoreMask { get; init; } = 1;

    public PollMode Poll { get; init; } = PollMode.Adaptive;

    /// <summary>How long an adaptive reactor spins after its last work.</summary>
    public int SpinMicros { get; init; } = 20;

    /// <summary>HTTP endpoint for /metrics and /health; empty = none.</summary>
    public string MetricsAddress { get; init; } = "";
}

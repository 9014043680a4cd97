namespace Fastblock.Roles.Config;

/// <summary>Section [mon]: one monitor.</summary>
internal sealed record MonConfig
{
    /// <summary>File or block device of the metadata store, made by `mon mkfs`.</summary>
    public string Device { get; init; } = "";

    /// <summary>Address to listen on; empty = the one that the cluster knows this monitor by.</summary>
    public string Listen { get; init; } = "";

    /// <summary>HTTP endpoint for /metrics and /health; empty = none.</summary>
    public string MetricsAddress { get; init; } = "";

    /// <summary>Silence after which an OSD counts as down.</summary>
    public int DownAfterMillis { get; init; } = 2_000;

    /// <summary>Silence after which an OSD is put out; 0 = never.</summary>
    public int OutAfterSeconds { get; init; } = 600;

    /// <summary>So many percent of the OSDs stay in, however silent.</summary>
    public int MinInPercent { get; init; } = 75;

    /// <summary>PGs that are copied to or from one OSD at the same time.</summary>
    public int MaxRecoveries { get; init; } = 2;
}

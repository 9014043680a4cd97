using System;

namespace Fastblock.Roles.Vstart;

/// <summary>What `fastblock vstart` was asked for. Null = not given: the default for a new cluster, what is there for one
/// that exists.</summary>
internal sealed record VstartOptions
{
    public const int OsdsDefault = 3;
    public const int MonsDefault = 1;
    public const int ReplicasDefault = 3;
    public const int PgsDefault = 64;
    public const int NbdPortDefault = 10809;
    public const string DirectoryDefault = "fastblock-data";

    public required string Directory { get; init; }
    public int? Osds { get; init; }
    public int? Mons { get; init; }
    public int? Replicas { get; init; }
    public int? Pgs { get; init; }
    public int? Shards { get; init; }

    /// <summary>Size of each OSD's device.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>Devices in the memory of the OSD processes.</summary>
    public bool? InMemory { get; init; }

    /// <summary>0 = any free one; null = where it listened last.</summary>
    public int? NbdPort { get; init; }
    public bool NoBench { get; init; }
    public bool Detach { get; init; }

    /// <summary>How long the monitors may take to answer, the OSDs to be up, the PGs to have leaders: each.</summary>
    public TimeSpan StepTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>One JSON document on stdout instead of the report.</summary>
    public bool Json { get; init; }
}

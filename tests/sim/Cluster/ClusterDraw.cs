using System;
using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>What a seed draws for the whole-cluster scenario.</summary>
internal sealed record ClusterDraw
{
    public required int Mons { get; init; }

    /// <summary>Hosts on which further monitors can be made.</summary>
    public int SpareMons { get; init; }

    public required int Osds { get; init; }
    public required int Shards { get; init; }
    public required uint Replicas { get; init; }
    public required uint PgCount { get; init; }
    public required int Images { get; init; }
    public required uint ObjectBytes { get; init; }
    public required long ImageBytes { get; init; }
    public required bool Lease { get; init; }
    public required long LogBytes { get; init; }
    public required long LogCacheBytes { get; init; }
    public required int MaxOps { get; init; }

    /// <summary>I/Os that a client keeps under way.</summary>
    public required int Depth { get; init; }

    /// <summary>A client looks this often, at most, whether it may begin more I/Os.</summary>
    public int PauseMillis { get; init; } = 20;
    public required int ReadPercent { get; init; }
    public required int ZeroPercent { get; init; }
    public required int MaxSectors { get; init; }

    /// <summary>One of so many I/Os may be as large as <see cref="MaxSectors"/>, the others are small.</summary>
    public int LargeOneIn { get; init; } = 3;

    /// <summary>Places that the I/O crowds around, per image.</summary>
    public required int HotSpots { get; init; }

    /// <summary>Chance per million, each second and image, that another client takes the image over.</summary>
    public required int TakeOverPerMillion { get; init; }
    public required bool KillClients { get; init; }
    public required long DriftPpm { get; init; }
    public required int StallPerMillion { get; init; }
    public required bool LossyFrames { get; init; }

    /// <summary>One OSD comes back with an empty device.</summary>
    public required bool EmptyOneOsd { get; init; }
    public required long TroubleNanos { get; init; }

    /// <summary>Silence after which monitors put an OSD out; 0 = never.</summary>
    public long OutAfterNanos { get; init; }

    public int MaxRecoveries { get; init; } = 2;

    /// <summary>So many OSDs, the first ones, have a device of this size only.</summary>
    public int SmallOsds { get; init; }

    /// <inheritdoc cref="SmallOsds"/>
    public long SmallDiskBytes { get; init; }

    public static ClusterDraw Draw(Prng prng)
    {
        uint objectBytes = prng.Below(2) == 0 ? 4u << 20 : 64u << 10;
        long logBytes = prng.Below(2) == 0 ? 2 * Units.MiB : 8 * Units.MiB;
        ClusterDraw draw = new()
        {
            Mons = prng.Below(3) == 0 ? 3 : 1,
            Osds = prng.Below(3) == 0 ? 3 + prng.Below(3) : 3,
            Shards = 1 + prng.Below(2),
            Replicas = prng.Below(10) == 0 ? 1u : 3u,
            PgCount = 1u << prng.Below(4),
            Images = 1 + prng.Below(2),
            ObjectBytes = objectBytes,
            ImageBytes = Math.Max(objectBytes * prng.Between(1, 3), (long)objectBytes) + (prng.Below(2) * 4096),
            Lease = prng.Below(4) != 0,
            LogBytes = logBytes,
            LogCacheBytes = prng.Below(2) == 0 ? Units.MiB : 64 * Units.KiB,
            MaxOps = prng.Below(3) == 0 ? 8 : 256,
            Depth = 1 + prng.Below(8),
            ReadPercent = (int)prng.Between(20, 70),
            ZeroPercent = prng.Below(2) == 0 ? 0 : prng.Below(20),
            MaxSectors = prng.Below(3) != 0 ? 24 : logBytes < 8 * Units.MiB ? 200 : 700, // an entry must fit into a segment
            HotSpots = 1 + prng.Below(4),
            TakeOverPerMillion = prng.Below(2) == 0 ? 0 : 300_000,
            KillClients = prng.Below(3) == 0,
            DriftPpm = prng.Between(0, 10_000),
            StallPerMillion = prng.Below(2) == 0 ? 0 : prng.Below(100),
            LossyFrames = prng.Below(4) == 0,
            EmptyOneOsd = prng.Below(5) == 0,
            TroubleNanos = prng.Between(4, 15) * Units.NanosPerSecond,
        };
        return draw.EmptyOneOsd ? draw.WithSmallEntries() : draw;
    }

    /// <summary>The same cluster for a long time under a light load: about twenty-five I/Os a second.</summary>
    public ClusterDraw ForLong(int seconds) => this with
    {
        TroubleNanos = seconds * Units.NanosPerSecond,
        LargeOneIn = 12,
        Depth = Math.Max(Depth, 4), // one that waits for a lost frame is not all
        PauseMillis = Math.Max(PauseMillis, 105 * Math.Max(Depth, 4) * Images),
    };

    /// <summary>Entries as large as a quarter of a segment at most, as mkfs sees to. A log whose entries nearly fill a segment keeps so
    /// much in reserve that it may take none while a replica is away for good.</summary>
    public ClusterDraw WithSmallEntries() => this with { MaxSectors = Math.Min(MaxSectors, (int)(LogBytes / 16 / 4 / Units.SectorBytes)) };
}

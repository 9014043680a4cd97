using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Groups;

/// <summary>What a seed draws for the replication scenario.</summary>
internal sealed record GroupDraw
{
    public required int Nodes { get; init; }
    public required int Groups { get; init; }
    public required bool Lease { get; init; }
    public required int WindowEntries { get; init; }
    public required int WindowBytes { get; init; }
    public required long CacheBytes { get; init; }
    public required long ProposeEveryNanos { get; init; }
    public required int MaxPayloadBlocks { get; init; }
    public required long DriftPpm { get; init; }
    public required int StallPerMillion { get; init; }
    public required bool LossyFrames { get; init; }

    /// <summary>One log block of one node rots while the node is down.</summary>
    public required bool Rot { get; init; }
    public required long TroubleNanos { get; init; }

    public static GroupDraw Draw(Prng prng) => new()
    {
        Nodes = prng.Below(5) == 0 ? 5 : 3,
        Groups = 1 + prng.Below(4),
        Lease = prng.Below(4) != 0,
        WindowEntries = prng.Below(2) == 0 ? 256 : 1 + prng.Below(8),
        WindowBytes = prng.Below(2) == 0 ? (int)(4 * Units.MiB) : 16 * 1024,
        CacheBytes = prng.Below(2) == 0 ? (int)(1 * Units.MiB) : 0,
        ProposeEveryNanos = prng.Between(1, 20) * Units.NanosPerMilli,
        MaxPayloadBlocks = prng.Below(4),
        DriftPpm = prng.Between(0, 10_000),
        StallPerMillion = prng.Below(2) == 0 ? 0 : prng.Below(400),
        LossyFrames = prng.Below(3) == 0,
        Rot = prng.Below(3) == 0,
        TroubleNanos = prng.Between(5, 20) * Units.NanosPerSecond,
    };
}

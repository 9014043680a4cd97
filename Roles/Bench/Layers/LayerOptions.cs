using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>One run of a bench of one layer.</summary>
internal sealed record LayerOptions
{
    /// <summary>Operations in flight.</summary>
    public int QueueDepth { get; init; } = 1;

    /// <summary>Bytes of one operation.</summary>
    public int BlockBytes { get; init; } = Units.BlockBytes;

    public long DurationNanos { get; init; } = 3 * Units.NanosPerSecond;

    /// <summary>How the reactors wait; the latency at depth 1 depends on it more than on anything else.</summary>
    public WaitStrategy Poll { get; init; } = WaitStrategy.Adaptive;

    /// <summary>Which core each reactor runs on, taken round; empty = one after the other.</summary>
    public IReadOnlyList<int> Cores { get; init; } = [];

    /// <summary>What is done; for the layers that read and write.</summary>
    public RwMode Mode { get; init; } = RwMode.RandWrite;

    /// <summary>`mem:SIZE` or a path.</summary>
    public string Device { get; init; } = "mem:1G";

    /// <summary>Size of a file that is made for the run.</summary>
    public long FileBytes { get; init; } = Units.GiB;

    /// <summary>What exists at the path may be destroyed.</summary>
    public bool Overwrite { get; init; }

    public ulong Seed { get; init; } = 1;
}

using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Bench;

/// <summary>One `bench rw` run.</summary>
internal sealed record RwOptions
{
    public RwMode Mode { get; init; } = RwMode.RandWrite;
    public int BlockBytes { get; init; } = Units.BlockBytes;

    /// <summary>I/Os in flight.</summary>
    public int QueueDepth { get; init; } = 32;

    public long DurationNanos { get; init; } = 10 * Units.NanosPerSecond;

    /// <summary>Check every byte: reads against what was written, and everything written once more at the end.</summary>
    public bool Verify { get; init; }

    /// <summary>Write the whole range first, so that reads find data.</summary>
    public bool Fill { get; init; }

    /// <summary>How much of the image, from its start; 0 = all.</summary>
    public long RangeBytes { get; init; }

    public ulong Seed { get; init; } = 1;

    /// <summary>Processes whose CPU time counts; empty = all of this executable on this machine.</summary>
    public IReadOnlyList<int> CpuOf { get; init; } = [];

    public bool Writes => Mode is RwMode.RandWrite or RwMode.Write or RwMode.RandRw;
    public bool IsRandom => Mode is RwMode.RandWrite or RwMode.RandRead or RwMode.RandRw;
}

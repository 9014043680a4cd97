using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Hosting;

/// <summary>The reactors of a server process.</summary>
internal sealed record ServerProcessOptions
{
    /// <summary>Shown by top -H.</summary>
    public required string Name { get; init; }

    /// <summary>One reactor for each set bit, bound to that core; 0 = one reactor that the kernel may place.</summary>
    public ulong CoreMask { get; init; }

    public WaitStrategy Poll { get; init; } = WaitStrategy.Adaptive;
    public long SpinNanos { get; init; } = ReactorOptions.DefaultSpinNanos;

    /// <summary>Buffers of each reactor, smallest first: bytes of one, and how many.</summary>
    public (int Bytes, int Count)[] Buffers { get; init; } =
    [
        ((int)(4 * Units.KiB), 4096),
        ((int)(64 * Units.KiB), 64),
        ((int)(128 * Units.KiB), 64),
        ((int)(256 * Units.KiB), 32),
        ((int)(512 * Units.KiB), 24),
    ];

    public UringOptions Uring { get; init; } = new();
}

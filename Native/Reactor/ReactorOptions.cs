using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>How a reactor waits.</summary>
internal sealed record ReactorOptions
{
    public WaitStrategy Strategy { get; init; } = WaitStrategy.Adaptive;

    /// <summary>How long an adaptive reactor looks for work before it blocks, giving way to others between two looks. Longer than
    /// a durable write on a fast disk takes; only while work comes often enough for it to pay (<see cref="SpinPolicy"/>).</summary>
    public long SpinNanos { get; init; } = DefaultSpinNanos;

    public const long DefaultSpinNanos = 200 * Units.NanosPerMicro;
}

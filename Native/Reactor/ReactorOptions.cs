using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>How a reactor waits.</summary>
internal sealed record ReactorOptions
{
    public WaitStrategy Strategy { get; init; } = WaitStrategy.Adaptive;

    /// <summary>How long an adaptive reactor looks for work before it blocks, giving way to others between two looks. As long as
    /// a replicated write takes when everybody looks; only while work comes often enough for it to pay (Reactor.Run).</summary>
    public long SpinNanos { get; init; } = DefaultSpinNanos;

    public const long DefaultSpinNanos = 60 * Units.NanosPerMicro;
}

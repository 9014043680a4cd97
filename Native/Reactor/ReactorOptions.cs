using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>How a reactor waits.</summary>
internal sealed record ReactorOptions
{
    public WaitStrategy Strategy { get; init; } = WaitStrategy.Adaptive;

    /// <summary>How long an adaptive reactor looks for work before it blocks. Waking from a block costs some 25 us on an
    /// idle core; looking longer than that gains nothing on average and starves neighbours.</summary>
    public long SpinNanos { get; init; } = 20 * Units.NanosPerMicro;
}

using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>The timer behind a <see cref="ReactorDelay"/>, pooled by its reactor.</summary>
internal sealed class DelaySource : ReactorAwaitable
{
    private readonly Reactor _reactor;
    private readonly Timer _timer;

    public DelaySource(Reactor reactor)
    {
        _reactor = reactor;
        _timer = new Timer(this);
    }

    public DelaySource? NextFree { get; set; }

    public bool HasFired { get; private set; }

    public void Start(long dueNanos)
    {
        NextFree = null;
        HasFired = false;
        _reactor.Arm(_timer, dueNanos);
    }

    /// <summary>The waiting task was resumed: the source can serve another one.</summary>
    public void Take()
    {
        Invariant.Require(HasFired);
        _reactor.Recycle(this);
    }

    private void OnFired()
    {
        HasFired = true;
        ResumeWaiter();
    }

    private sealed class Timer(DelaySource owner) : TimerEntry
    {
        public override void OnTimer(long nowNanos) => owner.OnFired();
    }
}

namespace Fastblock.Native.Reactor;

/// <summary>For reactors that are stepped from outside by <see cref="Reactor.RunOnce"/>: no events, no waiting.</summary>
internal sealed class NullEventSource : IEventSource
{
    public bool Poll() => false;

    public void Submit() { }

    public void Wait(long untilNanos) { }

    public void Wake() { }
}

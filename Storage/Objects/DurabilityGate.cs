using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Objects;

/// <summary>Log records becoming durable.</summary>
internal sealed class DurabilityGate : Gate, ILogListener
{
    private Errno _failure;

    /// <summary>Called whenever more is durable, before waiting tasks run on.</summary>
    public IRunnable? OnProgress { get; set; }

    public ulong Durable { get; private set; }

    protected override Errno Failure => _failure;

    protected override bool IsReached(ulong target) => target <= Durable;

    public void OnLogDurable(ulong sequence)
    {
        if (sequence <= Durable) { return; }
        Durable = sequence;
        OnProgress?.Run();
        Wake();
    }

    public void OnLogFailed(Errno status)
    {
        _failure = status is Errno.None ? Errno.Io : status;
        Wake();
    }
}

using Fastblock.Native.Reactor;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>The log's cleaner waiting for a group's role to let entries go, for a limited time. Pooled by the host.</summary>
internal sealed class ReleaseWait(Reactor reactor) : TimerEntry, IRunnable
{
    private readonly ReactorSignal<bool> _ended = new();
    private RaftGroup? _group;
    private LogIndex _wanted;

    /// <summary>Ends when the group has let go everything up to <paramref name="wanted"/>, or when the time is over.</summary>
    public async ReactorTask WaitAsync(RaftGroup group, LogIndex wanted, long nanos)
    {
        (_group, _wanted) = (group, wanted);
        reactor.Arm(this, reactor.NowNanos + nanos);
        _ = await _ended;
        _ended.Reset();
    }

    /// <summary>The waiting task goes on in the run phase: not from within a report of the log.</summary>
    public void OnReleased(RaftGroup group)
    {
        if (_group != group || group.Released < _wanted) { return; }
        _group = null;
        reactor.Disarm(this);
        reactor.Enqueue(this);
    }

    public override void OnTimer(long nowNanos)
    {
        _group = null;
        _ended.Set(true);
    }

    void IRunnable.Run() => _ended.Set(true);
}

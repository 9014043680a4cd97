using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Replication;

/// <summary>A group's only timer: its Raft node's deadline.</summary>
internal sealed class GroupTimer(RaftGroup group) : TimerEntry
{
    public override void OnTimer(long nowNanos) => group.OnTimer(nowNanos);
}

using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Groups;

/// <summary>A linearizable read: it must see every command that was acknowledged, anywhere, before it began.</summary>
internal sealed class GroupRead(GroupsScenario scenario, GroupNode node, RaftGroup group, PgId id) : IReadWaiter
{
    private readonly ulong _mustSee = scenario.AcknowledgedIndex(id);

    public void Begin()
    {
        if (group.TryBeginRead(this) == ReadStatus.Ready) { OnReadable(group.Applied); }
    }

    public void OnReadable(LogIndex index)
    {
        scenario.ReadCount++;
        if (group.Applied.Value < _mustSee)
        {
            throw new SimFailure($"group {id}: a read on node {node.Id} saw index {group.Applied.Value}, {_mustSee} was acknowledged before it began");
        }
    }

    public void OnReadFailed() { }
}

using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Kv;

namespace Fastblock.Tests.Sim.Groups;

// What an OSD does when the map changes who holds a group's replicas.
internal sealed partial class GroupNode
{
    private readonly Dictionary<PgId, GroupMap> _views = [];
    private readonly HashSet<PgId> _deleted = [];
    private KvStore? _kv;

    /// <summary>Runs in the node's loop.</summary>
    public void TendMembers()
    {
        if (Raft is not { IsStarted: true } raft || raft.Failure != Errno.None) { return; }
        foreach (PgId id in Scenario.GroupIds)
        {
            // Maps come late, but never an older one after a newer one.
            if (!_views.TryGetValue(id, out GroupMap? map) || Scenario.World.Prng.Below(2) == 0)
            {
                map = Scenario.MapOf(id);
                _views[id] = map;
            }
            if (Machines.TryGetValue(id, out GroupMachine? machine))
            {
                Tend(raft, id, machine, map);
            }
            else if (map.Reported.IsMember(new NodeId(Id)))
            {
                Require(HasRotted || _deleted.Contains(id), $"is a member of {id} and has no replica");
                Scenario.OnMissing(id, this);
            }
            else if (map.Target.IsMember(new NodeId(Id)))
            {
                Join(raft, id, map);
            }
        }
    }

    private void Tend(RaftHost raft, PgId id, GroupMachine machine, GroupMap map)
    {
        RaftGroup group = machine.Group!;
        Scenario.Report(id, group);
        group.SetTarget(map.Target);
        group.SetKnownMembers(map.Index);
        group.SetPreferredLeader(map.Target.Voters[0]);
        if (map.Names(new NodeId(Id)) || map.Index < machine.MadeWith || !group.MayBeDeleted(map.Index)) { return; }
        if (raft.RemoveGroup(id, null) != Errno.None) { return; } // no room: the next time
        Reached.Mark("sim: replica deleted");
        _ = machine.Forget();
        _ = Machines.Remove(id);
        _ = _knownApplied.Remove(id);
        _ = _deleted.Add(id);
    }

    private void Join(RaftHost raft, PgId id, GroupMap map)
    {
        var machine = new GroupMachine(this, id, _kv!, fresh: true) { MadeWith = map.Index };
        if (!machine.Forget()) { return; }
        Errno status = raft.CreateJoining(id, 1, NodeId.None, map.Term, map.Index, map.Reported, machine, null, out RaftGroup? group);
        if (status == Errno.Again) { return; }
        Require(status == Errno.None, $"CreateJoining: {status}");
        Reached.Mark("sim: replica made to join");
        machine.Group = group;
        Machines.Add(id, machine);
        _ = _knownApplied.Remove(id);
    }
}

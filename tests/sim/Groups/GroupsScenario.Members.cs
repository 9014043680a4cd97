using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Roles.Replication;

namespace Fastblock.Tests.Sim.Groups;

// Members are replaced: what the monitors do for it, without monitors.
internal sealed partial class GroupsScenario
{
    private readonly Dictionary<PgId, GroupMap> _maps = [];
    private readonly HashSet<(PgId Id, uint Node)> _missing = [];
    private long _tickEvery;
    private int _retargetPerMille;
    private int _changeCount;

    public bool HasChanges => _tickEvery > 0;

    public GroupMap MapOf(PgId id) => _maps[id];

    private string DescribeChanges() => HasChanges ? $", {_nodes.Count - Draw.Nodes} spares, tick every {_tickEvery}, retarget {_retargetPerMille}, {_changeCount} changes" : "";

    private void DrawChanges()
    {
        _tickEvery = World.Prng.Between(20, 300) * Units.NanosPerMilli;
        _retargetPerMille = 5 + World.Prng.Below(100);
        foreach (PgId id in _groupIds)
        {
            RaftMembers founders = Config(id).Founders;
            _maps[id] = new GroupMap(founders, default, default, founders);
        }
    }

    private void ScheduleChanges()
    {
        if (!HasChanges) { return; }
        World.Schedule(World.Prng.Between(1, 2 * _tickEvery), () =>
        {
            foreach (PgId id in _groupIds)
            {
                if (!_stopped && World.Prng.Below(1000) < _retargetPerMille) { Retarget(id); }
            }
            foreach (GroupNode node in _nodes)
            {
                if (World.Prng.Below(2) == 0) { node.Seat?.Do(node.TendMembers); }
            }
            ScheduleChanges();
        });
    }

    private void Retarget(PgId id)
    {
        var candidates = new List<GroupNode>();
        foreach (GroupNode node in _nodes)
        {
            // Who has lost its replica comes back when the group knows that it is out.
            if (!_missing.Contains((id, node.Id))) { candidates.Add(node); }
        }
        int fewest = Draw.Rot ? 3 : 1; // what one has lost, others must have
        if (candidates.Count < fewest) { return; }
        int count = World.Prng.Below(2) == 0 ? 3 : fewest + World.Prng.Below(6 - fewest);
        var voters = new List<(NodeId, System.Guid)>();
        while (candidates.Count > 0 && voters.Count < count)
        {
            int at = World.Prng.Below(candidates.Count);
            voters.Add((new NodeId(candidates[at].Id), candidates[at].Member.Instance));
            candidates.RemoveAt(at);
        }
        _maps[id] = _maps[id] with { Target = new RaftMembers(voters.ToArray(), []) };
        _changeCount++;
    }

    /// <summary>A leader tells which configuration is committed.</summary>
    public void Report(PgId id, RaftGroup group)
    {
        GroupMap map = _maps[id];
        if (!group.IsReady || group.CommittedMembersIndex <= map.Index) { return; }
        map = map with { Term = group.Term, Index = group.CommittedMembersIndex, Reported = group.CommittedMembers };
        _maps[id] = map;
        _ = _missing.RemoveWhere(missing => missing.Id == id && !map.Reported.IsMember(new NodeId(missing.Node)));
    }

    /// <summary>A node that should have a replica has none: the group has to do without it first.</summary>
    public void OnMissing(PgId id, GroupNode node)
    {
        GroupMap map = _maps[id];
        if (!_missing.Add((id, node.Id))) { return; }
        Reached.Mark("sim: lost replica taken out of its group");
        var rest = new List<(NodeId, System.Guid)>();
        foreach (NodeId voter in map.Target.Voters)
        {
            if (voter.Value != node.Id) { rest.Add((voter, map.Target.InstanceOf(voter))); }
        }
        if (rest.Count == 0) { rest.Add((map.Reported.Voters[0], map.Reported.InstanceOf(map.Reported.Voters[0]))); }
        _maps[id] = map with { Target = new RaftMembers(rest.ToArray(), []) };
    }

    private bool HasReached(PgId id)
    {
        GroupMap map = _maps[id];
        if (!map.Reported.IsSame(map.Target)) { return false; }
        foreach (GroupNode node in _nodes)
        {
            bool isMember = map.Target.IsMember(new NodeId(node.Id));
            bool isHere = node.Machines.TryGetValue(id, out GroupMachine? machine);
            if (isMember != isHere && (isMember || machine!.Group!.MayBeDeleted(map.Index))) { return false; }
            if (isMember && !machine!.Group!.Members.IsSame(map.Target)) { return false; }
        }
        return true;
    }
}

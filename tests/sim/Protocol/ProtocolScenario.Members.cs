using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Protocol;

// Members are replaced, and checks that look into the logs.
internal sealed partial class ProtocolScenario
{
    /// <summary>What was applied anywhere, by index.</summary>
    private readonly Dictionary<ulong, (Term Term, ulong Command)> _committed = [];

    private RaftMembers _target;
    private long _changeEvery;
    private int _newTargetPercent;
    private Term _newestLeader;
    private int _changeCount;

    /// <summary>With what a node is founded: spare ones know of nobody.</summary>
    public RaftMembers FoundersOf(NodeId id) => _members.IsMember(id) ? _members : RaftMembers.Unknown;

    public void OnApplied(ulong node, ulong index, Term term, ulong command)
    {
        Applied.OnApplied(1, node, index, term.Value, command);
        _committed[index] = (term, command);
    }

    private bool HasEnded
    {
        get
        {
            RaftNode? newest = null; // one that was deposed may not know it yet
            foreach (PureNode node in _nodes)
            {
                if (node.Raft is { IsReady: true } raft && (newest == null || raft.Term > newest.Term)) { newest = raft; }
            }
            return newest is { IsChanging: false } && newest.Members.IsSame(_target);
        }
    }

    private void DrawChanges()
    {
        int spares = 1 + _prng.Below(3);
        for (int i = 0; i < spares; i++)
        {
            var clock = new SimClock(World, _prng.Between(1, 1000) * Units.NanosPerSecond, _prng.Between(-10_000, 10_000));
            _nodes.Add(new PureNode(this, (uint)_nodes.Count, clock));
        }
        _changeEvery = _prng.Between(5, 300) * Units.NanosPerMilli;
        _newTargetPercent = 2 + _prng.Below(40);
    }

    private void ScheduleChanges()
    {
        if (_changeEvery == 0) { return; }
        World.Schedule(_prng.Between(1, 2 * _changeEvery), () =>
        {
            if (_stopped) { return; }
            if (_prng.Below(100) < _newTargetPercent) { DrawTarget(); }
            foreach (PureNode node in _nodes) { node.Change(_target); }
            if (_prng.Below(10) == 0) { MakeSomeAnew(); }
            ScheduleChanges();
        });
    }

    private void DrawTarget()
    {
        var ids = new NodeId[_nodes.Count];
        for (int i = 0; i < ids.Length; i++) { ids[i] = _nodes[i].Id; }
        for (int i = 0; i < ids.Length; i++)
        {
            int other = _prng.Below(ids.Length);
            (ids[i], ids[other]) = (ids[other], ids[i]);
        }
        int voters = 1 + _prng.Below(int.Min(5, ids.Length));
        int learners = _prng.Below(4) == 0 ? int.Min(1, ids.Length - voters) : 0;
        _target = new RaftMembers(ids.AsSpan(0, voters), default, ids.AsSpan(voters, learners));
        _changeCount++;
    }

    /// <summary>Replicas that a leader has reported to be out are deleted, and come back empty.</summary>
    private void MakeSomeAnew()
    {
        PureNode? reporter = null;
        foreach (PureNode node in _nodes)
        {
            if (node.Raft is { IsReady: true, IsChanging: false } && (reporter == null || node.Raft.MembersIndex > reporter.Raft!.MembersIndex)) { reporter = node; }
        }
        if (reporter == null || _reported > reporter.Raft!.MembersIndex) { return; }
        foreach (PureNode node in _nodes)
        {
            // Somebody may have brought it back since; what is in a log may yet count.
            if (node.NewestConfig > reporter.Raft.MembersIndex) { return; }
        }
        _reported = reporter.Raft.MembersIndex;
        foreach (PureNode node in _nodes)
        {
            if (node != reporter && !reporter.Raft.Members.IsMember(node.Id) && _prng.Below(2) == 0) { node.MakeAnew(reporter.Raft); }
        }
    }

    /// <summary>The newest configuration that a leader has reported.</summary>
    private LogIndex _reported;

    /// <summary>Leader completeness (Raft §5.4): what was committed in older terms is in its log.</summary>
    private void CheckComplete(PureNode node, Term term)
    {
        if (term < _newestLeader) { return; } // late votes: it can commit nothing
        _newestLeader = term;
        foreach ((ulong index, (Term Term, ulong Command) entry) in _committed)
        {
            if (index > node.Base && node.EntryAt(index) != entry)
            {
                throw new SimFailure($"n{node.Id}: leader of term {term} lacks index {index} of term {entry.Term}");
            }
        }
    }

    private void ScheduleLogCheck() => World.Schedule(Units.NanosPerSecond, () =>
    {
        if (_stopped) { return; }
        for (int a = 0; a < _nodes.Count; a++)
        {
            _nodes[a].CheckConfig();
            for (int b = a + 1; b < _nodes.Count; b++) { CheckMatching(_nodes[a], _nodes[b]); }
        }
        ScheduleLogCheck();
    });

    /// <summary>Log matching (Raft §5.3): from an entry of the same index and term back, two logs are the same.</summary>
    private static void CheckMatching(PureNode a, PureNode b)
    {
        ulong floor = ulong.Max(a.Base, b.Base);
        bool agree = false;
        for (ulong index = ulong.Min(a.LastIndex, b.LastIndex); index > floor; index--)
        {
            (Term Term, ulong Command)? x = a.EntryAt(index), y = b.EntryAt(index);
            agree |= x!.Value.Term == y!.Value.Term;
            if (agree && x != y) { throw new SimFailure($"the logs of n{a.Id} and n{b.Id} agree further on, but not at index {index}"); }
        }
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Tests.Sim.Checks;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Protocol;

/// <summary>The Raft state machine alone, on hosts as bare as they can be: messages are lost, doubled, delayed past one another,
/// nodes crash at any event, logs are compacted, leadership is handed on, and (.Members) members are replaced. Much faster than anything with real servers, so that
/// many more schedules are seen.</summary>
internal sealed partial class ProtocolScenario : Scenario
{
    private readonly List<PureNode> _nodes = [];
    private readonly HashSet<(uint From, uint To)> _cuts = [];
    private readonly Prng _prng;
    private readonly RaftMembers _members;
    private readonly bool _lease;
    private readonly int _windowEntries;
    private readonly long _delayMax;
    private readonly long _proposeEvery;
    private readonly int _crashWeight;
    private readonly int _cutWeight;
    private readonly int _pauseWeight;
    private readonly long _troubleEvery;
    private int _lossPerMillion;
    private int _doublePerMillion;
    private ulong _nextCommand = 1;
    private bool _stopped;
    private int _acknowledgedCount;

    /// <param name="changes">Members are replaced meanwhile.</param>
    public ProtocolScenario(SimWorld world, bool changes) : base(world)
    {
        _prng = world.Prng.Fork();
        int count = _prng.Below(3) == 0 ? 5 : 3;
        var ids = new NodeId[count];
        for (uint i = 0; i < count; i++) { ids[i] = new NodeId(i); }
        _members = new RaftMembers(ids);
        _lease = _prng.Below(4) != 0;
        _windowEntries = _prng.Below(2) == 0 ? 256 : 1 + _prng.Below(4);
        _delayMax = _prng.Between(100_000, 60 * Units.NanosPerMilli);
        DiskMaxNanos = _prng.Between(50_000, 60 * Units.NanosPerMilli);
        _proposeEvery = _prng.Between(1, 40) * Units.NanosPerMilli;
        _crashWeight = _prng.Below(4);
        _cutWeight = _prng.Below(4);
        _pauseWeight = _prng.Below(3);
        _troubleEvery = (_prng.Below(4) == 0 ? _prng.Between(30, 200) : _prng.Between(100, 1500)) * Units.NanosPerMilli;
        _lossPerMillion = _prng.Below(2) == 0 ? 0 : _prng.Below(200_000);
        _doublePerMillion = _prng.Below(2) == 0 ? 0 : _prng.Below(100_000);
        RefusePerMillion = _prng.Below(4) == 0 ? 2_000 : 0;
        Preferred = _prng.Below(2) == 0 ? NodeId.None : ids[_prng.Below(count)];
        for (uint i = 0; i < count; i++)
        {
            var clock = new SimClock(world, _prng.Between(1, 1000) * Units.NanosPerSecond, _prng.Between(-10_000, 10_000));
            _nodes.Add(new PureNode(this, i, clock));
        }
        _target = _members;
        if (changes) { DrawChanges(); }
    }

    public AppliedChecker Applied { get; } = new();
    public LeaderChecker Leaders { get; } = new();
    public NodeId Preferred { get; }
    public long DiskMaxNanos { get; }
    public int RefusePerMillion { get; private set; }
    public ulong Acknowledged { get; private set; }
    public int ReadCount { get; set; }

    public override string Describe() =>
        $"{_nodes.Count} nodes, lease {_lease}, window {_windowEntries}, delay {_delayMax}, disk {DiskMaxNanos}, propose every {_proposeEvery}, crash {_crashWeight}, cut {_cutWeight}, pause {_pauseWeight}, "
        + $"trouble every {_troubleEvery}, loss {_lossPerMillion}, double {_doublePerMillion}, refuse {RefusePerMillion}, preferred {Preferred}, change every {_changeEvery}, target {_target}; "
        + $"{_acknowledgedCount} acknowledged, {_changeCount} changes, {ReadCount} reads, {Leaders.LeaderCount} leaders";

    public RaftConfig Config(NodeId self) => new() { Self = self, Members = _members, Lease = _lease, WindowEntries = _windowEntries };

    public void OnAcknowledged(ulong index, ulong command)
    {
        _acknowledgedCount++;
        Acknowledged = Math.Max(Acknowledged, index);
        Applied.OnAcknowledged(1, index, command);
    }

    public void OnHandedOver(NodeId to, NodeId from, LogIndex index) =>
        World.Schedule(_prng.Between(1, _delayMax), () => _nodes[(int)from.Value].OnHandOverEnded(to, index));

    public void OnLeader(PureNode node, Term term)
    {
        Leaders.OnLeader(1, term.Value, node.Id.Value);
        CheckComplete(node, term);
    }

    public void Send(PureMessage message)
    {
        if (_lossPerMillion > 0 && _prng.Chance(_lossPerMillion)) { return; }
        Deliver(message);
        if (_doublePerMillion > 0 && _prng.Chance(_doublePerMillion)) { Deliver(message); }
    }

    public override void Run()
    {
        foreach (PureNode node in _nodes) { node.Start(); }
        ScheduleWork();
        ScheduleChanges();
        ScheduleLogCheck();
        if (_crashWeight + _cutWeight + _pauseWeight > 0) { ScheduleTrouble(); }
        World.RunFor(_prng.Between(5, 30) * Units.NanosPerSecond);
        _stopped = true;
        _cuts.Clear();
        (_lossPerMillion, _doublePerMillion, RefusePerMillion) = (0, 0, 0);
        foreach (PureNode node in _nodes)
        {
            if (!node.IsUp) { node.Start(); }
        }
        ulong before = Acknowledged;
        (bool again, bool proposes) = (true, true);
        void ProposeAgain() => World.Schedule(50 * Units.NanosPerMilli, () =>
        {
            foreach (PureNode node in _nodes)
            {
                if (proposes) { node.Propose(_nextCommand++); }
                if (_changeEvery > 0) { node.Change(_target); }
            }
            if (again) { ProposeAgain(); }
        });
        ProposeAgain();
        Await("a command commits after healing", () => Acknowledged > before, 30 * Units.NanosPerSecond, State);
        proposes = false; // with the smallest windows, what is under way takes minutes already
        Await("the change of members ends", () => HasEnded, 300 * Units.NanosPerSecond, State);
        again = false;
        Await("replicas equal", Equal, 300 * Units.NanosPerSecond, State);
    }

    private void Deliver(PureMessage message)
    {
        (uint from, uint to) = (message.Header.From.Value, message.Header.To.Value);
        long delay = _prng.Below(50) == 0 ? _prng.Between(1, 20 * _delayMax) : _prng.Between(1, _delayMax);
        World.Schedule(delay, () =>
        {
            if (_cuts.Contains((from, to))) { return; }
            World.Trace.Add(World.Now, "net", TraceKind.Frame, (long)message.Header.Kind, from, to, World.Trace.IsVerbose ? message.Header.ToString() : null);
            _nodes[(int)to].Receive(message);
        });
    }

    private void ScheduleWork() => World.Schedule(_prng.Between(1, 2 * _proposeEvery), () =>
    {
        if (_stopped) { return; }
        PureNode node = _nodes[_prng.Below(_nodes.Count)];
        int kind = _prng.Below(100);
        if (kind < 50) { node.Propose(_nextCommand++); }
        else if (kind < 90) { node.Read(); }
        else if (kind < 98) { node.Compact(); }
        else { node.Transfer(_nodes[_prng.Below(_nodes.Count)].Id); }
        ScheduleWork();
    });

    private void ScheduleTrouble() => World.Schedule(_prng.Between(1, 2 * _troubleEvery), () =>
    {
        if (_stopped) { return; }
        PureNode node = _nodes[_prng.Below(_nodes.Count)];
        PureNode other = _nodes[_prng.Below(_nodes.Count)];
        // Leaders are where it hurts.
        if (_prng.Below(2) == 0 && LeaderOrNull() is { } leader) { node = leader; }
        int draw = _prng.Below(_crashWeight + _cutWeight + _pauseWeight);
        if (draw >= _crashWeight + _cutWeight)
        {
            node.Pause(_prng.Between(1, 3000) * Units.NanosPerMilli);
        }
        else if (draw < _crashWeight)
        {
            if (node.IsUp) { node.Crash(); } else { node.Start(); }
        }
        else
        {
            int kind = _prng.Below(4);
            if (kind == 0) { _cuts.Clear(); }
            else if (kind == 1) { _ = _cuts.Add((node.Id.Value, other.Id.Value)); }
            else
            {
                foreach (PureNode third in _nodes)
                {
                    _ = _cuts.Add((node.Id.Value, third.Id.Value));
                    if (kind == 2) { _ = _cuts.Add((third.Id.Value, node.Id.Value)); }
                }
            }
        }
        ScheduleTrouble();
    });

    private PureNode? LeaderOrNull()
    {
        foreach (PureNode node in _nodes)
        {
            if (node.Raft is { IsLeader: true }) { return node; }
        }
        return null;
    }

    private bool Equal()
    {
        foreach (PureNode node in _nodes)
        {
            if (!_target.IsMember(node.Id)) { continue; }
            PureNode first = _nodes[(int)_target.All[0].Value];
            bool same = node.Applied == first.Applied && node.Hash == first.Hash && node.Raft!.Members.IsSame(_target);
            if (!same || node.Applied.Value < Acknowledged) { return false; }
        }
        return true;
    }

    private string State()
    {
        var text = new System.Text.StringBuilder();
        foreach (PureNode node in _nodes)
        {
            RaftNode raft = node.Raft!;
            _ = text.AppendLine().Append($"  {node.Id} {raft.Role} term {raft.Term} leader {raft.Leader} base {raft.Log.BaseIndex} last {raft.Log.LastIndex} durable {raft.Durable} commit {raft.Commit} applied {node.Applied} hash {node.Hash:x} needs state {raft.NeedsState} members {raft.Members} since {raft.MembersIndex}");
        }
        return text.ToString();
    }
}

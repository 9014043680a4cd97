using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Tests.Sim.Checks;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.Network;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Groups;

/// <summary>Replication alone: three or five nodes with the production log and RaftHost, a few groups, commands and reads at
/// random under trouble; then all heals, and every node must come to the same state.</summary>
internal sealed partial class GroupsScenario : Scenario
{
    public static readonly Guid Cluster = new(0x11223344, 0x5566, 0x7788, 1, 2, 3, 4, 5, 6, 7, 8);

    private readonly List<GroupNode> _nodes = [];
    private readonly List<PgId> _groupIds = [];
    private readonly Dictionary<PgId, ulong> _acknowledged = [];
    private readonly NemesisPlan _plan;
    private ulong _nextCommand = 1;
    private int _acknowledgedCount;
    private bool _stopped;

    /// <param name="changes">Members are replaced meanwhile.</param>
    public GroupsScenario(SimWorld world, bool changes = false) : base(world)
    {
        Draw = GroupDraw.Draw(world.Prng);
        for (uint i = 0; i < Draw.Groups; i++) { _groupIds.Add(new PgId(new PoolId(1), i)); }
        _plan = NemesisPlan.Draw(world.Prng, Draw.Nodes / 2);
        uint spares = changes ? 1 + (uint)world.Prng.Below(3) : 0;
        for (uint id = 1; id <= Draw.Nodes + spares; id++) { _nodes.Add(new GroupNode(this, id)); }
        if (changes) { DrawChanges(); }
    }

    public GroupDraw Draw { get; }
    public IReadOnlyList<GroupNode> Nodes => _nodes;
    public IReadOnlyList<PgId> GroupIds => _groupIds;
    public AppliedChecker Applied { get; } = new();
    public LeaderChecker Leaders { get; } = new();
    public int ReadCount { get; set; }

    /// <summary>Every node has made its groups durable once: from now on a missing one is a loss.</summary>
    public bool IsActive { get; private set; }

    public override string Describe() => $"{Draw} {_plan}; {_acknowledgedCount} acknowledged, {ReadCount} reads, {Leaders.LeaderCount} leaders{DescribeChanges()}";

    public static Guid NewGuid(Prng prng)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, prng.Next());
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], prng.Next());
        return new Guid(bytes);
    }

    public RaftHostOptions Options(GroupNode node) => new()
    {
        Self = new NodeId(node.Id),
        Instance = node.Member.Instance,
        Role = PeerRole.Osd,
        Cluster = Cluster,
        Lease = Draw.Lease,
        WindowEntries = Draw.WindowEntries,
        WindowBytes = Draw.WindowBytes,
    };

    public GroupConfig Config(PgId id)
    {
        var voters = new GroupMember[Draw.Nodes];
        for (int i = 0; i < voters.Length; i++) { voters[i] = _nodes[i].Member; }
        return new GroupConfig { Incarnation = 1, Voters = voters, Preferred = voters[(int)(id.Number % (uint)voters.Length)].Id };
    }

    public ulong AcknowledgedIndex(PgId id) => _acknowledged.GetValueOrDefault(id);

    public void OnAcknowledged(PgId id, LogIndex index)
    {
        _acknowledgedCount++;
        _acknowledged[id] = Math.Max(_acknowledged.GetValueOrDefault(id), index.Value);
    }

    public void OnHandOverWanted(PgId id, GroupNode leader, GroupMachine source, NodeId peer)
    {
        Reached.Mark("sim: group wants a hand-over");
        new GroupHandOver(this, id, leader, source, _nodes[(int)peer.Value - 1]).Begin();
    }

    /// <summary>Rot comes to one node at most: what it lost, the others still have.</summary>
    public bool MayRot { get; set; }

    public override void Run()
    {
        foreach (GroupNode node in _nodes) { node.Start(); }
        Await("every group has a leader", () => AllGroups(LeaderOf), 20 * Units.NanosPerSecond, State);
        Await("every node has every group", () => AllNodes(node => node.Id > Draw.Nodes || node.Machines.Count == _groupIds.Count), 5 * Units.NanosPerSecond, State);
        World.RunFor(Units.NanosPerSecond);
        IsActive = true;
        MayRot = Draw.Rot;
        BeginFaults();
        ScheduleWork();
        ScheduleChanges();
        var nemesis = new Nemesis(World, _nodes, _plan);
        nemesis.Begin();
        World.RunFor(Draw.TroubleNanos);
        nemesis.HealAll();
        World.RunFor(2 * Units.NanosPerSecond);
        _stopped = true;
        Settle();
    }

    private void BeginFaults()
    {
        Prng prng = World.Prng;
        World.StallPerMillion = Draw.StallPerMillion;
        World.Network.Faults = new NetFaults
        {
            LatePerMillion = prng.Below(2) == 0 ? 0 : prng.Below(5_000),
            ResetPerMillion = prng.Below(2) == 0 ? 0 : prng.Below(2_000),
            WindowBytes = prng.Below(2) == 0 ? 256 * 1024 : 8 * 1024,
            SendQueueBytes = prng.Below(2) == 0 ? NetLimits.MaxSendQueueBytes : 64 * 1024,
            FrameLossPerMillion = Draw.LossyFrames ? prng.Below(20_000) : 0,
            FrameDoublePerMillion = Draw.LossyFrames ? prng.Below(20_000) : 0,
            FrameOvertakenPerMillion = Draw.LossyFrames ? prng.Below(20_000) : 0,
        };
    }

    /// <summary>Commands and reads at random moments on random nodes; only a leader takes them.</summary>
    private void ScheduleWork() => World.Schedule(World.Prng.Between(1, Draw.ProposeEveryNanos * 2), () =>
    {
        if (_stopped) { return; }
        GroupNode node = _nodes[World.Prng.Below(_nodes.Count)];
        PgId id = _groupIds[World.Prng.Below(_groupIds.Count)];
        bool read = World.Prng.Below(2) == 0;
        node.Seat?.Do(() =>
        {
            if (!node.Machines.TryGetValue(id, out GroupMachine? machine)) { return; }
            if (read) { new GroupRead(this, node, machine.Group!, id).Begin(); } else { Propose(node, machine, id); }
        });
        ScheduleWork();
    });

    private GroupWaiter? Propose(GroupNode node, GroupMachine machine, PgId id)
    {
        ulong number = _nextCommand++;
        int blocks = Draw.MaxPayloadBlocks == 0 ? 0 : World.Prng.Below(Draw.MaxPayloadBlocks + 1);
        byte[] header = new byte[GroupCommand.HeaderBytes];
        GroupCommand.Encode(header, number, blocks);
        PooledBuffer? payload = null;
        uint[] crcs = new uint[blocks];
        if (blocks > 0)
        {
            payload = node.Seat!.Buffers.TryRent(blocks * Units.BlockBytes);
            if (payload == null) { return null; }
            GroupCommand.FillPayload(payload, number, blocks);
            for (int i = 0; i < blocks; i++) { crcs[i] = Crc32C.Compute(payload.Span(i * Units.BlockBytes, Units.BlockBytes)); }
        }
        var waiter = new GroupWaiter(this, id, GroupMachine.HashOf(header));
        Errno status = machine.Group!.TryPropose(header, payload, blocks * Units.BlockBytes, crcs, waiter, out _);
        payload?.Release();
        return status == Errno.None ? waiter : null;
    }

    /// <summary>All works again: one more command per group must get through, and all replicas must become equal.</summary>
    private void Settle()
    {
        foreach (PgId id in _groupIds)
        {
            GroupWaiter? waiter = null;
            bool Committed()
            {
                GroupNode? leader = LeaderOf(id);
                if (waiter is { IsCommitted: true }) { return true; }
                if (leader != null && (waiter == null || waiter.IsOver)) { leader.Seat!.Do(() => waiter = leader.Machines.TryGetValue(id, out GroupMachine? machine) ? Propose(leader, machine, id) : null); }
                World.RunFor(50 * Units.NanosPerMilli);
                return waiter is { IsCommitted: true };
            }
            long deadline = World.Now + (60 * Units.NanosPerSecond);
            while (!Committed()) { Require(World.Now < deadline, $"after healing, group {id} commits nothing; {State()}"); }
            if (HasChanges) { Await($"the members of {id} are as wanted", () => HasReached(id), 120 * Units.NanosPerSecond, State); }
            Await($"replicas of {id} equal", () => ReplicasEqual(id), 60 * Units.NanosPerSecond, State);
        }
    }

    private bool ReplicasEqual(PgId id)
    {
        GroupMachine? first = null;
        foreach (GroupNode node in _nodes)
        {
            if (HasChanges ? !MapOf(id).Target.IsMember(new NodeId(node.Id)) : node.HasLost(id)) { continue; }
            if (!node.Machines.TryGetValue(id, out GroupMachine? machine)) { return false; }
            first ??= machine;
            if (machine.Hash != first.Hash || machine.Group!.Applied != first.Group!.Applied) { return false; }
        }
        return first!.Group!.Applied.Value >= _acknowledged.GetValueOrDefault(id);
    }

    private GroupNode? LeaderOf(PgId id)
    {
        foreach (GroupNode node in _nodes)
        {
            if (node.Host.IsRunning && node.Machines.TryGetValue(id, out GroupMachine? machine) && machine.Group is { IsReady: true }) { return node; }
        }
        return null;
    }

    private bool AllGroups(Func<PgId, GroupNode?> has)
    {
        foreach (PgId id in _groupIds)
        {
            if (has(id) == null) { return false; }
        }
        return true;
    }

    private bool AllNodes(Func<GroupNode, bool> holds)
    {
        foreach (GroupNode node in _nodes)
        {
            if (!holds(node)) { return false; }
        }
        return true;
    }

    private string State()
    {
        var text = new System.Text.StringBuilder();
        foreach (GroupNode node in _nodes)
        {
            _ = text.AppendLine().Append($"  node {node.Id} {(node.Host.IsRunning ? "up" : "down")}:");
            foreach ((PgId id, GroupMachine machine) in node.Machines)
            {
                RaftGroup group = machine.Group!;
                _ = text.Append($" [{id} term {group.Term.Value} {(group.IsLeader ? group.IsReady ? "LEADER" : "leader" : "-")} last {group.LastIndex.Value} commit {group.Commit.Value} applied {group.Applied.Value} hash {machine.Hash:x}{(group.IsRecovering ? " recovering" : "")}{(HasChanges ? $" members {group.Members} since {group.MembersIndex}" : "")}]");
            }
        }
        foreach (PgId id in _groupIds)
        {
            if (HasChanges) { _ = text.AppendLine().Append($"  map of {id}: {MapOf(id)}"); }
        }
        return text.ToString();
    }
}

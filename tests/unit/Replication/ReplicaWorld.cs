using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Log;
using Fastblock.Tests.Sim.World;
using Xunit;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>Replicas of one or more groups on simulated hosts: the production RaftHost, DiskLog and KvStore over a simulated
/// network and simulated disks.</summary>
internal sealed class ReplicaWorld : IDisposable
{
    private readonly Dictionary<(NodeId, PgId), SortedDictionary<ulong, ulong>> _saved = [];

    public ReplicaWorld(ulong seed, int nodes = 3, int groups = 1, long diskBytes = 64 * Units.MiB)
    {
        DiskBytes = diskBytes;
        Sim = new SimWorld(seed);
        GroupCount = groups;
        for (uint i = 0; i < nodes; i++) { Nodes.Add(new ReplicaNode(this, i)); }
    }

    public SimWorld Sim { get; }
    public List<ReplicaNode> Nodes { get; } = [];
    public int GroupCount { get; }
    public Guid Cluster { get; } = new(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    public long DiskBytes { get; }
    public int SegmentBytes { get; init; } = (int)Units.MiB;
    public NodeId Preferred { get; init; } = NodeId.None;

    /// <summary>How many of the nodes found the groups; the others are spare.</summary>
    public int Founders { get; init; } = int.MaxValue;
    public DiskLogOptions LogOptions { get; init; } = new();
    public bool Lease { get; init; } = true;

    /// <summary>Proposals that were acknowledged: stamp by index.</summary>
    public SortedDictionary<ulong, ulong> Acknowledged { get; } = [];

    public long DriftPpm(uint id) => id switch { 0 => 0, 1 => 10_000, _ => -10_000 };

    public RaftHostOptions Options(ReplicaNode node) => new()
    {
        Self = node.Id,
        Instance = node.Instance,
        Role = PeerRole.Osd,
        Cluster = Cluster,
        Lease = Lease,
    };

    public GroupConfig Config(uint group)
    {
        _ = group;
        GroupMember[] voters = new GroupMember[int.Min(Founders, Nodes.Count)];
        for (int i = 0; i < voters.Length; i++) { voters[i] = new GroupMember(Nodes[i].Id, Nodes[i].Instance); }
        return new GroupConfig { Incarnation = 5, Voters = voters, Preferred = Preferred };
    }

    public void StartAll(bool format = true)
    {
        foreach (ReplicaNode node in Nodes) { node.Start(format); }
    }

    /// <summary>What a role would have made durable for the entries that the log has let go: taken from what was applied there.</summary>
    public SortedDictionary<ulong, ulong> SavedState(ReplicaNode node, PgId group)
    {
        SortedDictionary<ulong, ulong> state = [];
        Assert.True(node.Log!.TryGetGroup(group, out LogGroupInfo info));
        if (!_saved.TryGetValue((node.Id, group), out SortedDictionary<ulong, ulong>? all)) { return state; }
        foreach ((ulong index, ulong stamp) in all)
        {
            if (index <= info.BaseIndex) { state.Add(index, stamp); }
        }
        return state;
    }

    /// <summary>Remembers what a node had applied, before it stops.</summary>
    public void Save(ReplicaNode node)
    {
        for (int i = 0; i < node.Machines.Count; i++)
        {
            PgId id = node.Groups[i].Id;
            if (!_saved.TryGetValue((node.Id, id), out SortedDictionary<ulong, ulong>? all)) { _saved.Add((node.Id, id), all = []); }
            foreach ((ulong index, ulong stamp) in node.Machines[i].Applied) { all[index] = stamp; }
        }
    }

    public ReplicaNode? Leader(int group = 0)
    {
        ReplicaNode? leader = null;
        foreach (ReplicaNode node in Nodes)
        {
            if (!node.IsUp || node.Groups.Count <= group || !node.Groups[group].IsReady) { continue; }
            if (leader == null || node.Groups[group].Term > leader.Groups[group].Term) { leader = node; }
        }
        return leader;
    }

    public ReplicaNode WaitForLeader(long seconds = 10, int group = 0)
    {
        Assert.True(Sim.RunUntil(() => Leader(group) != null, seconds * Units.NanosPerSecond), "no leader");
        return Leader(group)!;
    }

    /// <summary>Proposes an entry of <paramref name="blocks"/> payload blocks on a node, inside its loop.</summary>
    public Waiter Propose(ReplicaNode node, ulong stamp, int blocks = 0, int group = 0)
    {
        Waiter waiter = new();
        waiter.Committed += index => Acknowledged[index.Value] = stamp;
        node.Seat.Do(() => { Refused += ProposeNow(node, stamp, blocks, group, waiter) == Errno.None ? 0 : 1; });
        return waiter;
    }

    public int Refused { get; private set; }

    public static Errno ProposeNow(ReplicaNode node, ulong stamp, int blocks, int group, IProposalWaiter? waiter)
    {
        Span<byte> header = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(header, stamp);
        if (node.Host == null || node.Groups.Count <= group) { return Errno.NotConnected; }
        if (blocks == 0) { return node.Groups[group].TryPropose(header, null, 0, default, waiter, out _); }
        PooledBuffer? payload = node.Seat.Buffers.TryRent(blocks * Units.BlockBytes);
        if (payload == null) { return Errno.NoBuffers; }
        Span<uint> crcs = stackalloc uint[blocks];
        for (int i = 0; i < blocks; i++)
        {
            Span<byte> block = payload.Span(i * Units.BlockBytes, Units.BlockBytes);
            block.Fill(unchecked((byte)(stamp + (ulong)i)));
            BinaryPrimitives.WriteUInt64LittleEndian(block, stamp);
            crcs[i] = Crc32C.Compute(block);
        }
        Errno status = node.Groups[group].TryPropose(header, payload, blocks * Units.BlockBytes, crcs, waiter, out _);
        payload.Release();
        return status;
    }

    /// <summary>Runs until all nodes that are up have applied the same, and everything that was acknowledged.</summary>
    public void Settle(long seconds = 20)
    {
        bool settled = Sim.RunUntil(IsSettled, seconds * Units.NanosPerSecond);
        if (settled) { return; }
        string state = "";
        foreach (ReplicaNode node in Nodes)
        {
            state += node.Group is { } g
                ? $"\n  {node.Id}: up {node.IsUp} leader {g.IsLeader}/{g.LeaderHint} term {g.Term} base {g.BaseIndex} last {g.LastIndex} commit {g.Commit} applied {g.Applied} recovering {g.IsRecovering} violations {g.Violations}"
                : $"\n  {node.Id}: not open";
        }
        Assert.Fail("does not settle:" + state);
    }

    public (long Raft, long Heartbeats) FramesSent()
    {
        long raft = 0, beats = 0;
        foreach (ReplicaNode node in Nodes)
        {
            raft += node.Host!.RaftFramesSent;
            beats += node.Host.HeartbeatFramesSent;
        }
        return (raft, beats);
    }

    private bool IsSettled()
    {
        for (int g = 0; g < GroupCount; g++)
        {
            if (Leader(g) is not { } leader) { return false; }
            foreach (ReplicaNode node in Nodes)
            {
                if (!node.IsUp || node.Groups.Count <= g || node.Groups[g].Applied != leader.Groups[g].LastIndex) { return false; }
            }
        }
        return true;
    }

    public void CheckAgreement()
    {
        foreach (ReplicaNode node in Nodes)
        {
            for (int g = 0; g < GroupCount; g++) { Assert.Equal(Nodes[0].Machines[g].Applied, node.Machines[g].Applied); }
            Assert.Equal(0, node.Groups[0].Violations);
        }
        if (GroupCount != 1) { return; }
        foreach ((ulong index, ulong stamp) in Acknowledged) { Assert.Equal(stamp, Nodes[0].Machine.Applied[index]); }
    }

    public void Dispose() => Sim.Dispose();
}

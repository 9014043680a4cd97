using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Xunit;

namespace Fastblock.Tests.Unit.Replication;

public sealed class RaftHostTests
{
    [Fact]
    public void Three_replicas_elect_one_leader_and_apply_the_same_entries()
    {
        using ReplicaWorld world = new(1);
        world.StartAll();
        ReplicaNode leader = world.WaitForLeader();
        List<Waiter> waiters = [];
        for (ulong i = 1; i <= 200; i++) { waiters.Add(world.Propose(leader, i, blocks: (int)(i % 5))); }
        world.Settle();
        world.CheckAgreement();
        Assert.All(waiters, w => Assert.Equal((1, 0), (w.Commits, w.Drops)));
        Assert.Equal(200, world.Acknowledged.Count);
        Assert.All(world.Nodes, n => Assert.Equal(1, n.Created));
    }

    [Fact]
    public void What_was_acknowledged_survives_a_crash_of_all_nodes()
    {
        using ReplicaWorld world = new(2);
        world.StartAll();
        ReplicaNode leader = world.WaitForLeader();
        for (ulong i = 1; i <= 100; i++) { _ = world.Propose(leader, i, blocks: 2); }
        world.Settle();
        foreach (ReplicaNode node in world.Nodes)
        {
            world.Save(node);
            node.CutPower();
        }
        world.StartAll(format: false);
        leader = world.WaitForLeader();
        for (ulong i = 101; i <= 200; i++) { _ = world.Propose(leader, i, blocks: 1); }
        world.Settle();
        world.CheckAgreement();
        Assert.Equal(200, world.Acknowledged.Count);
    }

    [Fact]
    public void A_restarted_follower_catches_up_from_the_leaders_log_on_the_device()
    {
        using ReplicaWorld world = new(3) { LogOptions = new() { CacheBytes = 64 * 1024, CacheEntries = 8, HeaderCacheBytes = 16 * 1024 } };
        world.StartAll();
        ReplicaNode leader = world.WaitForLeader();
        ReplicaNode follower = world.Nodes[(int)((leader.Id.Value + 1) % 3)];
        world.Save(follower);
        follower.Kill();
        for (ulong i = 1; i <= 300; i++)
        {
            _ = world.Propose(leader, i, blocks: 3);
            world.Sim.RunFor(2 * Units.NanosPerMilli);
        }
        follower.Start(format: false);
        world.Settle();
        world.CheckAgreement();
        Assert.Equal(300, world.Acknowledged.Count);
        Assert.Empty(leader.Machine.HandOversAsked);
    }

    [Fact]
    public void A_follower_that_the_log_no_longer_reaches_gets_the_state_handed_over()
    {
        using ReplicaWorld world = new(4, diskBytes: 4 * Units.MiB) { SegmentBytes = 256 * 1024 };
        world.StartAll();
        ReplicaNode leader = world.WaitForLeader();
        ReplicaNode follower = world.Nodes[(int)((leader.Id.Value + 1) % 3)];
        world.Save(follower);
        follower.Kill();
        for (ulong i = 1; i <= 400; i++)
        {
            _ = world.Propose(leader, i, blocks: 8);
            world.Sim.RunFor(5 * Units.NanosPerMilli);
        }
        Assert.True(leader.Group!.BaseIndex.Value > 0, "the log was never cleaned");
        follower.Start(format: false);
        world.Settle();
        world.CheckAgreement();
        Assert.NotEmpty(leader.Machine.HandOversAsked);
        Assert.False(follower.Group!.IsRecovering);
    }

    [Fact]
    public void Quiet_groups_exchange_one_heartbeat_per_pair_and_interval_and_nothing_else()
    {
        using ReplicaWorld world = new(5, groups: 60);
        world.StartAll();
        for (int g = 0; g < 60; g++) { _ = world.WaitForLeader(group: g); }
        world.Sim.RunFor(2 * Units.NanosPerSecond);
        (long raft, long beats) = world.FramesSent();
        Term term = world.Nodes[0].Groups[0].Term;
        world.Sim.RunFor(10 * Units.NanosPerSecond);
        // 10 per second in each of six directions, each answered.
        (long raftAfter, long beatsAfter) = world.FramesSent();
        Assert.Equal(raft, raftAfter);
        Assert.InRange(beatsAfter - beats, 300, 1300);
        Assert.Equal(term, world.Nodes[0].Groups[0].Term);
        for (int g = 0; g < 60; g++)
        {
            ReplicaNode leader = world.Leader(g)!;
            ReadStatus status = ReadStatus.NotLeader;
            leader.Seat.Do(() => status = leader.Groups[g].TryBeginRead(new Waiter()));
            world.Sim.RunFor(Units.NanosPerMilli);
            Assert.Equal(ReadStatus.Ready, status);
        }
    }

    [Fact]
    public void The_preferred_leader_gets_the_leadership_when_it_has_caught_up()
    {
        using ReplicaWorld world = new(6) { Preferred = new NodeId(2) };
        world.Nodes[0].Start(format: true);
        world.Nodes[1].Start(format: true);
        ReplicaNode leader = world.WaitForLeader();
        for (ulong i = 1; i <= 50; i++) { _ = world.Propose(leader, i); }
        world.Nodes[2].Start(format: true);
        Assert.True(world.Sim.RunUntil(() => world.Leader()?.Id.Value == 2, 20 * Units.NanosPerSecond));
        world.Settle();
        world.CheckAgreement();
    }

    /// <summary>Nobody has to miss it: well before an election timeout somebody else leads all its groups, and nothing is lost.</summary>
    [Fact]
    public void A_node_that_ends_in_good_order_hands_all_its_groups_over()
    {
        using ReplicaWorld world = new(7, groups: 20) { Preferred = new NodeId(1) };
        world.StartAll();
        bool allLed = world.Sim.RunUntil(
            () => Enumerable.Range(0, 20).All(g => world.Leader(g)?.Id.Value == 1), 30 * Units.NanosPerSecond);
        Assert.True(allLed);
        ReplicaNode old = world.Nodes[1];
        for (int g = 0; g < 20; g++) { _ = world.Propose(old, (ulong)g + 1, group: g); }
        Retire(world, [old], maxMillis: 100);
        Assert.All(old.Groups, group => Assert.False(group.IsLeader));
        Assert.True(world.Sim.RunUntil(
            () => Enumerable.Range(0, 20).All(g => world.Leader(g) is { } leader && leader != old), 100 * Units.NanosPerMilli));
        world.Sim.RunFor(10 * Units.NanosPerSecond); // it is still there and preferred, and yet nobody gives it anything
        Assert.All(old.Groups, group => Assert.False(group.IsLeader));
        world.Settle();
        world.CheckAgreement();
    }

    [Fact]
    public void When_all_end_together_none_waits_for_another()
    {
        using ReplicaWorld world = new(8, groups: 5);
        world.StartAll();
        Assert.True(world.Sim.RunUntil(() => Enumerable.Range(0, 5).All(g => world.Leader(g) is not null), 30 * Units.NanosPerSecond));
        Retire(world, world.Nodes, maxMillis: 100);
    }

    /// <summary>Lets nodes retire at the same time and waits for all of them.</summary>
    private static void Retire(ReplicaWorld world, List<ReplicaNode> nodes, int maxMillis)
    {
        int ended = 0;
        foreach (ReplicaNode node in nodes)
        {
            node.Seat.Do(() => RetireAsync(node).Forget(error => throw new InvalidOperationException("retire", error)));
        }
        Assert.True(world.Sim.RunUntil(() => ended == nodes.Count, maxMillis * Units.NanosPerMilli), "it takes too long");

        async ReactorTask RetireAsync(ReplicaNode node)
        {
            await node.Host!.RetireAsync(Units.NanosPerSecond);
            ended++;
        }
    }

    [Fact]
    public void A_deposed_leader_drops_its_waiters_and_serves_no_read()
    {
        using ReplicaWorld world = new(7);
        world.StartAll();
        ReplicaNode old = world.WaitForLeader();
        _ = world.Propose(old, 1);
        world.Settle();
        world.Sim.Network.Isolate(old.SimHost);
        Waiter lost = world.Propose(old, 2);
        Assert.True(world.Sim.RunUntil(() => world.Leader() is { } l && l != old, 10 * Units.NanosPerSecond));
        ReadStatus status = ReadStatus.Ready;
        old.Seat.Do(() => status = old.Group!.TryBeginRead(new Waiter()));
        world.Sim.RunFor(Units.NanosPerSecond);
        Assert.NotEqual(ReadStatus.Ready, status);
        Assert.Equal((0, 1), (lost.Commits, lost.Drops));
        _ = world.Propose(world.Leader()!, 3);
        world.Sim.Network.HealAll();
        world.Settle();
        world.CheckAgreement();
        Assert.DoesNotContain(2UL, world.Nodes[0].Machine.Applied.Values);
        Assert.All(world.Nodes, n => Assert.Equal(0UL, n.Machine.Reservations));
    }

    [Fact]
    public void A_follower_without_room_refuses_and_the_majority_goes_on_without_it()
    {
        using ReplicaWorld world = new(8);
        world.StartAll();
        ReplicaNode leader = world.WaitForLeader();
        ReplicaNode full = world.Nodes[(int)((leader.Id.Value + 1) % 3)];
        full.Machine.IsFull = true;
        for (ulong i = 1; i <= 20; i++) { _ = world.Propose(leader, i, blocks: 1); }
        world.Sim.RunFor(2 * Units.NanosPerSecond);
        Assert.Equal(20, world.Acknowledged.Count);
        Assert.Empty(full.Machine.Applied);
        full.Machine.IsFull = false;
        world.Settle();
        world.CheckAgreement();
    }

    [Fact]
    public void Without_leases_a_read_waits_for_a_round()
    {
        using ReplicaWorld world = new(9) { Lease = false };
        world.StartAll();
        ReplicaNode leader = world.WaitForLeader();
        Waiter read = new();
        ReadStatus status = ReadStatus.NotLeader;
        leader.Seat.Do(() => status = leader.Group!.TryBeginRead(read));
        world.Sim.RunFor(20 * Units.NanosPerMilli);
        Assert.Equal(ReadStatus.Pending, status);
        Assert.Equal((1, 0), (read.Reads, read.Failures));
    }
}

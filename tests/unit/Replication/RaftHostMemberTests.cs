using System;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Xunit;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>Goal: members come and go with the production log, host and network below; what was acknowledged stays.
/// docs/decisions/membership.md.</summary>
public sealed class RaftHostMemberTests
{
    private ulong _stamp = 1;

    [Fact]
    public void A_node_joins_as_a_learner_and_becomes_a_voter()
    {
        using ReplicaWorld world = NewWorld(4);
        Write(world, 20);
        Join(world, 3);
        Assert.False(world.Nodes[3].Group!.Members.IsMember(new NodeId(3)));
        ChangeTo(world, 0, 1, 2, 3);
        Write(world, 20);
        Check(world, 0, 1, 2, 3);
    }

    /// <summary>The joining node has the lowest number, so it is the one that has to dial.</summary>
    [Fact]
    public void All_members_are_replaced_one_after_the_other()
    {
        using ReplicaWorld world = NewWorld(6);
        Write(world, 20);
        int[] members = [0, 1, 2];
        for (int step = 0; step < 6; step++)
        {
            int comes = (members[2] + 1) % 6, goes = members[0];
            Join(world, comes);
            members = [members[1], members[2], comes];
            ChangeTo(world, members);
            Drop(world, goes);
            Write(world, 10);
            Check(world, members);
        }
    }

    [Fact]
    public void All_members_are_replaced_at_once_under_load()
    {
        using ReplicaWorld world = NewWorld(6);
        Write(world, 20);
        foreach (int node in new[] { 3, 4, 5 }) { Join(world, node); }
        SetTarget(world, 3, 4, 5);
        for (int i = 0; i < 200 && !IsReached(world, 3, 4, 5); i++)
        {
            if (world.Leader() is { } leader) { _ = world.Propose(leader, _stamp++); }
            world.Sim.RunFor(20 * Units.NanosPerMilli);
        }
        Await(world, "the change ends", () => IsReached(world, 3, 4, 5));
        Check(world, 3, 4, 5);
        Assert.True(world.Leader()!.Id.Value >= 3);
    }

    [Fact]
    public void The_members_outlive_restarts_and_the_log()
    {
        using ReplicaWorld world = NewWorld(4, segmentBytes: 64 * 1024, diskBytes: 8 * (int)Units.MiB);
        Write(world, 20);
        Join(world, 3);
        ChangeTo(world, 1, 2, 3);
        Drop(world, 0);
        Restart(world, 1, 2, 3);
        Check(world, 1, 2, 3);
        // Until no log holds the entry any more.
        LogIndex since = world.WaitForLeader().Group!.CommittedMembersIndex;
        Assert.NotEqual(default, since);
        for (int i = 0; i < 100 && world.Nodes.Skip(1).Any(n => n.Group!.BaseIndex < since); i++) { Write(world, 20, blocks: 4); }
        Assert.All(world.Nodes.Skip(1), node => Assert.True(node.Group!.BaseIndex >= since));
        Restart(world, 1, 2, 3);
        Write(world, 5);
        Check(world, 1, 2, 3);
    }

    [Fact]
    public void A_node_joins_by_a_hand_over_when_the_log_does_not_reach_back()
    {
        using ReplicaWorld world = NewWorld(4, segmentBytes: 64 * 1024, diskBytes: 8 * (int)Units.MiB);
        for (int i = 0; i < 100 && world.Nodes.Take(3).Any(n => n.Group!.BaseIndex == default); i++) { Write(world, 20, blocks: 4); }
        Join(world, 3);
        ChangeTo(world, 0, 1, 3);
        Drop(world, 2);
        Write(world, 5);
        Restart(world, 0, 1, 3);
        Write(world, 5);
        Check(world, 0, 1, 3);
        Assert.NotEqual(default, world.Nodes[3].Group!.BaseIndex);
    }

    [Fact]
    public void A_joining_node_that_restarts_before_it_hears_anything_joins_all_the_same()
    {
        using ReplicaWorld world = NewWorld(4);
        Write(world, 20);
        Join(world, 3);
        Restart(world, 3);
        ChangeTo(world, 0, 1, 3);
        Write(world, 5);
        Check(world, 0, 1, 3);
    }

    [Fact]
    public void A_removed_node_comes_back_as_a_learner_under_its_old_device()
    {
        using ReplicaWorld world = NewWorld(3);
        Write(world, 20);
        ChangeTo(world, 0, 1);
        Drop(world, 2);
        Write(world, 20);
        Join(world, 2);
        ChangeTo(world, 0, 1, 2);
        Write(world, 5);
        Check(world, 0, 1, 2);
    }

    [Fact]
    public void Who_is_a_member_does_not_join()
    {
        using ReplicaWorld world = NewWorld(3);
        ReplicaNode leader = world.WaitForLeader();
        world.Nodes[2].Leave();
        RaftGroup group = leader.Group!;
        Assert.Equal(Errno.Invalid, world.Nodes[2].Join(group.Term, group.CommittedMembersIndex, group.CommittedMembers));
    }

    /// <summary>It was away while everybody whom it knew was replaced.</summary>
    [Theory]
    [InlineData(0, 2, 5)] // the leader has to be dialled
    [InlineData(5, 0, 1)]
    public void A_member_that_was_away_finds_a_group_of_strangers(int away, int first, int second)
    {
        using ReplicaWorld world = NewWorld(6, founders: 6);
        Write(world, 5);
        int[] old = [away, 3, 4];
        ChangeTo(world, old);
        foreach (int node in Enumerable.Range(0, 6).Except(old)) { Drop(world, node); }
        world.Save(world.Nodes[away]);
        world.Nodes[away].Kill();
        foreach (int node in new[] { first, second }) { Join(world, node); }
        ChangeTo(world, away, first, second);
        foreach (int node in new[] { 3, 4 }) { Drop(world, node); }
        Write(world, 20);
        world.Nodes[away].Start(format: false);
        Await(world, "it follows", () => world.Nodes[away].IsUp && world.Nodes[away].Group!.Members.IsMember(new NodeId((uint)first)));
        Write(world, 5);
        Check(world, away, first, second);
    }

    /// <summary>A learner that is not known outside could be made anew, and counted for what its predecessor acknowledged.</summary>
    [Fact]
    public void Nobody_becomes_a_voter_before_it_is_known_outside()
    {
        using ReplicaWorld world = NewWorld(4);
        ReplicaNode leader = world.WaitForLeader();
        foreach (ReplicaNode node in world.Nodes.Take(3)) { node.Group!.SetKnownMembers(default); }
        Join(world, 3);
        SetTarget(world, 0, 1, 3);
        world.Sim.RunFor(5 * Units.NanosPerSecond);
        leader = world.WaitForLeader();
        Assert.True(leader.Group!.Members.IsLearner(new NodeId(3)));
        LogIndex known = leader.Group.CommittedMembersIndex;
        foreach (ReplicaNode node in world.Nodes.Take(3)) { node.Seat.Do(() => node.Group!.SetKnownMembers(known)); }
        Await(world, "the change ends", () => IsReached(world, 0, 1, 3));
    }

    private static ReplicaWorld NewWorld(int nodes, int founders = 3, int segmentBytes = (int)Units.MiB, long diskBytes = 64 * Units.MiB)
    {
        ReplicaWorld world = new(7, nodes, diskBytes: diskBytes) { Founders = founders, SegmentBytes = segmentBytes };
        world.StartAll();
        _ = world.WaitForLeader();
        return world;
    }

    private void Write(ReplicaWorld world, int count, int blocks = 0)
    {
        ReplicaNode leader = world.WaitForLeader();
        Waiter last = new();
        for (int i = 0; i < count; i++)
        {
            last = world.Propose(leader, _stamp++, blocks);
            world.Sim.RunFor(Units.NanosPerMilli);
        }
        Await(world, "writes end", () => last.Commits + last.Drops > 0 || world.Refused > 0);
    }

    private static void Join(ReplicaWorld world, int node)
    {
        RaftGroup group = world.WaitForLeader().Group!;
        (Term term, LogIndex index, RaftMembers members) = (group.Term, group.CommittedMembersIndex, group.CommittedMembers);
        Errno status = Errno.Again;
        Await(world, "joins", () =>
        {
            if (status == Errno.Again && world.Nodes[node].IsUp) { world.Nodes[node].Seat.Do(() => status = world.Nodes[node].Join(term, index, members)); }
            return status == Errno.None;
        });
        Await(world, "is durable", () => world.Nodes[node].Created > 0);
    }

    private static RaftMembers Target(ReplicaWorld world, int[] members) =>
        new(members.Select(i => (world.Nodes[i].Id, world.Nodes[i].Instance)).ToArray(), []);

    private static void SetTarget(ReplicaWorld world, params int[] members)
    {
        RaftMembers target = Target(world, members);
        foreach (ReplicaNode node in world.Nodes)
        {
            if (node.IsUp && node.Group is { } group) { node.Seat.Do(() => group.SetTarget(target)); }
        }
    }

    private static bool IsReached(ReplicaWorld world, params int[] members) =>
        world.Leader() is { } leader && leader.Group is { IsChanging: false } group && group.Members.IsSame(Target(world, members));

    private static void ChangeTo(ReplicaWorld world, params int[] members)
    {
        SetTarget(world, members);
        Await(world, "the change ends", () => IsReached(world, members));
    }

    private static void Drop(ReplicaWorld world, int node) => world.Nodes[node].Seat.Do(world.Nodes[node].Leave);

    private static void Restart(ReplicaWorld world, params int[] nodes)
    {
        foreach (int node in nodes)
        {
            world.Save(world.Nodes[node]);
            world.Nodes[node].CutPower();
        }
        foreach (int node in nodes) { world.Nodes[node].Start(format: false); }
        Await(world, "restarted", () => nodes.All(i => world.Nodes[i].IsUp));
        _ = world.WaitForLeader();
    }

    private static void Await(ReplicaWorld world, string what, Func<bool> condition) =>
        Assert.True(world.Sim.RunUntil(condition, 30 * Units.NanosPerSecond), what);

    /// <summary>All members have applied the same, and everything that was acknowledged.</summary>
    private static void Check(ReplicaWorld world, params int[] members)
    {
        RaftMembers target = Target(world, members);
        Await(world, "members agree", () => world.Leader() is { } leader && members.All(i =>
            world.Nodes[i].Group is { } group && group.Members.IsSame(target) && group.Applied == leader.Group!.LastIndex));
        foreach (int i in members)
        {
            Assert.Equal(world.Nodes[members[0]].Machine.Applied, world.Nodes[i].Machine.Applied);
            Assert.Equal(0, world.Nodes[i].Group!.Violations);
        }
        foreach ((ulong index, ulong stamp) in world.Acknowledged) { Assert.Equal(stamp, world.Nodes[members[0]].Machine.Applied[index]); }
    }
}

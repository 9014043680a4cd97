using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Xunit;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>One test for each claim about changes of membership (Raft §6, thesis 4; docs/decisions/membership.md).</summary>
public sealed class RaftMembershipTests
{
    private static RaftNet Started(int voters, int spares, ulong seed = 1)
    {
        RaftNet net = new(seed, voters, spares: spares);
        net.StartAll();
        _ = net.Elect();
        net.Run(50);
        return net;
    }

    private static NodeId[] Ids(params uint[] ids) => ids.Select(i => new NodeId(i)).ToArray();

    private static RaftMembers Voters(params uint[] ids) => new(Ids(ids));

    /// <summary>Whoever leads is asked until the target is reached.</summary>
    private static void Reach(RaftNet net, RaftMembers target, int millis = 5000)
    {
        for (int i = 0; i < millis; i++)
        {
            if (net.Leader() is { } leader)
            {
                if (leader.Node.Members.IsSame(target) && !leader.Node.IsChanging && leader.Node.IsReady) { return; }
                _ = leader.Change(target);
            }
            net.Run(1);
        }
        Assert.Fail($"{target} is not reached: {net.Leader()?.Node.Members}");
    }

    /// <summary>Stops on the way in the joint configuration, which is committed and not left.</summary>
    private static RaftPeer ReachJoint(RaftNet net, RaftMembers target)
    {
        foreach (RaftPeer peer in net.Peers) { peer.LeavesJoint = false; }
        for (int i = 0; i < 5000; i++)
        {
            RaftPeer leader = net.Elect();
            if (leader.Node.Members.IsJoint && leader.Node.Commit >= leader.Node.MembersIndex) { return leader; }
            _ = leader.Change(target);
            net.Run(1);
        }
        Assert.Fail("never joint");
        return null!;
    }

    private static void Cut(RaftNet net, params RaftPeer[] away)
    {
        HashSet<NodeId> ids = away.Select(p => p.Id).ToHashSet();
        net.IsCut = (from, to) => ids.Contains(from) != ids.Contains(to);
    }

    [Theory]
    [InlineData(1, new uint[] { 0, 1 })]
    [InlineData(1, new uint[] { 1 })]
    [InlineData(1, new uint[] { 0, 1, 2 })]
    [InlineData(3, new uint[] { 0, 1, 3 })]
    [InlineData(3, new uint[] { 3, 4, 5 })]
    [InlineData(3, new uint[] { 1 })]
    [InlineData(3, new uint[] { 0, 1, 2, 3, 4 })]
    [InlineData(5, new uint[] { 4, 5, 6 })]
    public void Any_set_of_voters_is_replaced_by_any_other_and_nothing_is_lost(int voters, uint[] target)
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            RaftNet net = Started(voters, spares: 7 - voters, seed);
            for (ulong i = 1; i <= 20; i++) { Assert.True(net.Elect().Propose(i)); }
            Reach(net, Voters(target));
            RaftPeer leader = net.Elect();
            Assert.Contains(leader.Id.Value, target);
            Assert.True(leader.Propose(100));
            net.Run(300);
            foreach (uint id in target)
            {
                Assert.Equal(leader.Log, net[(int)id].Log);
                Assert.Equal(leader.Node.Commit, net[(int)id].Node.Commit);
                Assert.True(net[(int)id].Node.Members.IsSame(Voters(target)));
            }
            Assert.All(Enumerable.Range(1, 20), i => Assert.Contains(leader.Log, e => e.Value == (ulong)i));
        }
    }

    [Fact] // thesis §4.2.1
    public void New_voters_learn_first_and_vote_only_when_they_follow_closely()
    {
        RaftNet net = Started(3, spares: 1);
        RaftPeer leader = net.Elect();
        for (ulong i = 0; i < 600; i++) { Assert.True(leader.Propose(i)); }
        net.Run(50);
        Cut(net, net[3]);
        Assert.Equal(Errno.None, leader.Change(Voters(0, 1, 2, 3)));
        Assert.True(leader.Node.Members.IsSame(new RaftMembers(Ids(0, 1, 2), default, Ids(3))));
        Assert.Equal(Errno.Busy, leader.Change(Voters(0, 1, 2, 3))); // its entry is not committed
        net.Run(50);
        Assert.Equal(Errno.Again, leader.Change(Voters(0, 1, 2, 3))); // nobody there
        net.IsCut = (_, _) => false;
        net.Run(1);
        while (net[3].Log.Count < 300)
        {
            Assert.Equal(Errno.Again, leader.Change(Voters(0, 1, 2, 3))); // on its way
            net.Run(1);
        }
        net.Run(200);
        Assert.Equal(Errno.None, leader.Change(Voters(0, 1, 2, 3)));
        Assert.True(leader.Node.Members.IsSame(new RaftMembers(Ids(0, 1, 2, 3), Ids(0, 1, 2))));
    }

    [Fact]
    public void One_change_at_a_time()
    {
        RaftNet net = Started(3, spares: 3);
        RaftPeer leader = ReachJoint(net, Voters(0, 1, 3));
        Assert.Equal(Errno.Busy, leader.Change(Voters(0, 1, 4)));
        Assert.Equal(Errno.Busy, leader.Change(Voters(0, 1, 3)));
        Assert.True(leader.Leave());
        Assert.False(leader.Leave());
        Assert.Equal(Errno.Busy, leader.Change(Voters(0, 1, 4))); // not committed
        net.Run(100);
        Assert.Equal(Errno.None, net.Elect().Change(Voters(0, 1, 3))); // is so already: nothing to propose
        Assert.False(net.Elect().Node.IsChanging);
    }

    [Fact] // thesis §4.1, the mistake found in 2015: a change before an entry of the own term is committed
    public void A_leader_changes_nothing_before_its_first_entry_is_committed()
    {
        RaftNet net = Started(3, spares: 1);
        RaftPeer leader = net.Elect();
        int other = leader.Id.Value == 0 ? 1 : 0;
        Assert.Equal(Errno.None, leader.Transfer(net[other].Id));
        for (int i = 0; i < 2000 && !net[other].Node.IsLeader; i++)
        {
            foreach (RaftPeer peer in net.Peers) { peer.Sync(); peer.Flush(); }
            if (net.Letters.Count > 0) { net.Deliver(0); }
        }
        Assert.True(net[other].Node.IsLeader);
        Assert.False(net[other].Node.IsReady);
        Assert.Equal(Errno.Busy, net[other].Change(Voters(0, 1, 2, 3)));
    }

    [Theory] // Raft §6
    [InlineData(true)]
    [InlineData(false)]
    public void While_joint_nothing_is_committed_without_a_majority_of_both_sets(bool withoutOld)
    {
        RaftNet net = Started(3, spares: 4);
        RaftPeer leader = ReachJoint(net, Voters(0, 3, 4, 5, 6));
        net.Run(50);
        if (leader.Id.Value != 0) { leader = net.Elect(0); }
        net.Run(200);
        Cut(net, withoutOld ? [net[1], net[2]] : [net[3], net[4], net[5], net[6]]);
        LogIndex before = leader.Node.Commit;
        Assert.True(leader.Propose(77));
        net.Run(50);
        Assert.True(leader.Node.IsLeader);
        Assert.Equal(before, leader.Node.Commit);
        Assert.True(leader.ReadIndex(5));
        net.Run(20);
        Assert.Empty(leader.Reads);
        net.Run(RaftNet.ElectionTimeout / RaftNet.Milli);
        Assert.False(leader.Node.HoldsLease(leader.Now)); // the lease needs both
        Assert.False(leader.Node.IsLeader); // and check-quorum, too
        net.Run(2000);
        Assert.Null(net.Leader()); // neither side can elect alone
        net.IsCut = (_, _) => false;
        foreach (RaftPeer peer in net.Peers) { peer.LeavesJoint = true; }
        Reach(net, Voters(0, 3, 4, 5, 6));
    }

    [Fact]
    public void Whoever_leads_leaves_a_joint_configuration_that_is_committed()
    {
        RaftNet net = Started(3, spares: 2);
        RaftPeer leader = ReachJoint(net, Voters(0, 3, 4));
        leader.Crash(0);
        foreach (RaftPeer peer in net.Peers) { peer.LeavesJoint = true; }
        net.Run(1000);
        RaftPeer next = net.Elect();
        Assert.NotSame(leader, next);
        Assert.True(next.Node.Members.IsSame(Voters(0, 3, 4)));
    }

    [Fact] // Raft §6
    public void A_removed_leader_leads_until_the_change_is_committed_does_not_count_itself_and_makes_room()
    {
        RaftNet net = Started(3, spares: 3);
        _ = net.Elect(1);
        RaftPeer leader = ReachJoint(net, Voters(3, 4, 5));
        Assert.Equal(1U, leader.Id.Value);
        net.Run(20);
        Cut(net, net[4], net[5]);
        Assert.True(leader.Leave());
        net.Run(20);
        // 3 and the leader have it: that is one of three.
        Assert.True(leader.Node.IsLeader);
        Assert.True(leader.Node.Commit < leader.Node.MembersIndex);
        net.IsCut = (_, _) => false;
        net.Run(60);
        Assert.False(leader.Node.IsLeader);
        Assert.Equal(RaftRole.Follower, leader.Node.Role);
        RaftPeer next = net.Elect();
        Assert.Contains(next.Id.Value, new uint[] { 3, 4, 5 });
        Term term = next.Node.Term;
        net.Run(3000);
        Assert.Same(next, net.Leader());
        Assert.Equal(term, next.Node.Term);
    }

    [Fact] // thesis §4.2.3
    public void Removed_replicas_that_know_nothing_of_it_do_not_disturb()
    {
        RaftNet net = Started(5, spares: 0);
        _ = net.Elect(0);
        RaftPeer leader = ReachJoint(net, Voters(0, 1, 2));
        // They see the joint configuration and nothing of its end.
        Cut(net, net[3], net[4]);
        Assert.True(leader.Leave());
        net.Run(500);
        net.IsCut = (_, _) => false;
        Term term = leader.Node.Term;
        net.Run(3000);
        Assert.Same(leader, net.Leader());
        Assert.Equal(term, leader.Node.Term);
        Assert.True(net[3].Node.Members.IsJoint);
    }

    [Fact] // thesis §4.1
    public void A_configuration_counts_from_append_on_and_after_a_restart()
    {
        RaftNet net = Started(3, spares: 1);
        RaftPeer leader = net.Elect();
        RaftPeer with = net.Peers.First(p => p != leader && p.Id.Value < 3);
        // One follower gets the entry, and the leader does not hear of it.
        net.IsCut = (from, to) => !(from == leader.Id && to == with.Id);
        Assert.Equal(Errno.None, leader.Change(Voters(0, 1, 2, 3)));
        Assert.True(leader.Node.Members.IsLearner(net[3].Id));
        net.Settle();
        Assert.True(with.Node.Members.IsLearner(net[3].Id));
        with.Crash(100);
        with.Start();
        Assert.True(with.Node.Members.IsLearner(net[3].Id));
        Assert.True(with.Node.IsChanging);
    }

    [Fact]
    public void A_newer_leader_without_the_entry_takes_it_back()
    {
        RaftNet net = Started(3, spares: 1);
        RaftPeer old = net.Elect();
        Cut(net, old);
        Assert.Equal(Errno.None, old.Change(Voters(0, 1, 2, 3)));
        Assert.True(old.Node.Members.IsLearner(net[3].Id));
        net.Run(500);
        RaftPeer next = net.Elect();
        Assert.NotSame(old, next);
        Assert.True(next.Propose(1));
        net.IsCut = (_, _) => false;
        net.Run(300);
        Assert.True(old.Node.Members.IsSame(Voters(0, 1, 2)));
        Assert.Equal(2, old.Node.Peers.Length);
        Assert.Equal(next.Log, old.Log);
    }

    /// <summary>etcd's standstill: a promoted learner that does not know it yet is half of the majority that is alive.</summary>
    [Fact]
    public void A_learner_that_was_promoted_and_does_not_know_it_votes()
    {
        RaftNet net = Started(1, spares: 2);
        Reach(net, new RaftMembers(Ids(0), default, Ids(1, 2)));
        RaftPeer leader = net.Elect();
        net.Run(50);
        RaftPeer slow = net[2];
        Assert.Equal(Errno.None, leader.Change(Voters(0, 1, 2)));
        Cut(net, slow);
        net.Run(50);
        Assert.True(leader.Node.Members.IsSame(Voters(0, 1, 2)));
        Assert.True(slow.Node.Members.IsLearner(slow.Id));
        leader.Crash(100);
        net.IsCut = (_, _) => false;
        net.Run(1000);
        Assert.Equal(1U, net.Elect().Id.Value);
    }

    /// <summary>Its predecessor may have acknowledged what the candidate lacks.</summary>
    [Theory]
    [InlineData(4, 6, true)]
    [InlineData(4, 7, false)]
    [InlineData(3, 9, true)]
    [InlineData(5, 6, false)]
    public void A_replica_made_anew_votes_for_logs_that_reach_the_reported_configuration(ulong term, ulong index, bool refused)
    {
        RaftConfig config = new RaftNet(1, 1, spares: 1).Config(new NodeId(1));
        RaftNode node = new(config, RaftStart.ToJoin(new Term(4), new LogIndex(7)), new Prng(1), 0);
        RaftMessage request = new()
        {
            Kind = MessageKind.VoteRequest,
            From = new NodeId(0),
            To = new NodeId(1),
            Term = new Term(9),
            Index = new LogIndex(index),
            LogTerm = new Term(term),
        };
        Effects effects = new();
        node.Step(in request, [], 10 * RaftNet.ElectionTimeout, effects);
        node.OnHardStateDurable(node.HardStateVersion, 10 * RaftNet.ElectionTimeout, effects);
        Assert.True(effects.Messages.TryPopFront(out RaftMessage reply));
        Assert.Equal((MessageKind.VoteReply, refused), (reply.Kind, reply.Is(MessageFlags.Reject)));
    }

    [Fact]
    public void A_replica_made_anew_takes_nothing_from_leaders_before_the_report()
    {
        RaftConfig config = new RaftNet(1, 1, spares: 1).Config(new NodeId(1));
        RaftNode node = new(config, RaftStart.ToJoin(new Term(4), new LogIndex(7)), new Prng(1), 0);
        RaftMessage message = new() { Kind = MessageKind.Append, From = new NodeId(0), To = new NodeId(1), Term = new Term(3), EntryCount = 1 };
        Effects effects = new();
        node.Step(in message, [new EntryMeta(new Term(3), EntryKind.Data)], 0, effects);
        Assert.Equal(default, node.Log.LastIndex);
        Assert.True(effects.Messages.TryPopFront(out RaftMessage reply) && reply.Is(MessageFlags.Reject) && reply.Term == new Term(4));
    }

    /// <summary>Found by a random schedule: the others need its vote, which their shorter logs do not get.</summary>
    [Fact] // thesis §4.2.2
    public void A_voter_that_is_taken_out_by_an_uncommitted_entry_still_campaigns()
    {
        RaftNet net = Started(1, spares: 1);
        RaftPeer leader = ReachJoint(net, Voters(1));
        net.Run(20);
        Cut(net, leader);
        Assert.True(leader.Leave());
        leader.Sync();
        leader.Crash(100);
        leader.Start();
        Assert.True(leader.Node.Members.IsSame(Voters(1)));
        net.IsCut = (_, _) => false;
        net.Run(1000);
        Assert.Equal(1U, net.Elect().Id.Value);
        Assert.True(net[1].Node.Members.IsSame(Voters(1)));
    }

    [Fact]
    public void A_learner_is_not_counted_and_leads_not()
    {
        RaftNet net = Started(3, spares: 2);
        Reach(net, new RaftMembers(Ids(0, 1, 2), default, Ids(3, 4)));
        RaftPeer leader = net.Elect();
        Assert.Equal(Errno.Invalid, leader.Transfer(new NodeId(3)));
        RaftPeer[] followers = net.Peers.Where(p => p != leader && p.Id.Value < 3).ToArray();
        Cut(net, followers);
        LogIndex before = leader.Node.Commit;
        Assert.True(leader.Propose(5));
        net.Run(60);
        Assert.Equal(before, leader.Node.Commit); // three of five have it, one of three voters
        net.Run(200);
        Assert.False(leader.Node.IsLeader);
    }

    [Fact]
    public void Leadership_is_not_handed_to_an_outgoing_voter()
    {
        RaftNet net = Started(3, spares: 1);
        _ = net.Elect(0);
        RaftPeer leader = ReachJoint(net, Voters(0, 1, 3));
        Assert.Equal(Errno.Invalid, leader.Transfer(new NodeId(2)));
        Assert.Equal(Errno.None, leader.Transfer(new NodeId(3)));
        Assert.False(leader.Leave()); // not while a transfer is under way
    }

    /// <summary>Else it could lead, and write, while the leader that left still reads under a lease that rests on its silence.</summary>
    [Fact]
    public void Who_is_alone_since_the_others_left_keeps_still_after_a_restart_like_anybody()
    {
        RaftNet net = Started(2, spares: 0);
        _ = net.Elect(0);
        RaftPeer leader = ReachJoint(net, Voters(1));
        net.Run(30);
        net.IsCut = (from, to) => from.Value == 1; // answers get lost
        Assert.True(leader.Leave());
        net.Settle();
        Assert.True(net[1].Node.Members.IsSame(Voters(1)));
        Assert.True(leader.Node.HoldsLease(leader.Now));
        net[1].Crash(100);
        net[1].Start();
        for (int i = 0; i < 200; i++)
        {
            net.Run(1);
            net.CheckLeases();
            Assert.False(leader.Node.HoldsLease(leader.Now) && net[1].Node.IsLeader);
        }
        net.Run(500);
        Assert.True(net[1].Node.IsLeader);
    }

    [Fact]
    public void A_change_that_could_not_be_committed_is_not_begun()
    {
        RaftNet net = Started(3, spares: 0);
        RaftPeer leader = net.Elect(0);
        Cut(net, net[2]);
        net.Run(150);
        Assert.Equal(Errno.Again, leader.Change(Voters(0, 2))); // 2 is not there: half of the new voters
        Assert.Equal(Errno.None, leader.Change(Voters(0, 1))); // but it can be taken out
        net.Run(100);
        Assert.True(leader.Node.Members.IsSame(Voters(0, 1)));
    }

    [Fact]
    public void A_new_device_under_an_old_number_comes_in_after_the_old_one_is_out()
    {
        RaftNet net = Started(3, spares: 0);
        RaftPeer leader = net.Elect(0);
        (NodeId Id, System.Guid Instance) fresh = (new NodeId(2), System.Guid.NewGuid());
        RaftMembers target = new([(new NodeId(0), default), (new NodeId(1), default), fresh], []);
        Assert.Equal(Errno.Invalid, leader.Change(target));
        Reach(net, Voters(0, 1));
        net[2].Wipe(leader.Node);
        net[2].Start();
        Reach(net, target);
        Assert.Equal(fresh.Instance, net[2].Node.Members.InstanceOf(fresh.Id));
    }

    [Fact]
    public void Impossible_targets_are_refused()
    {
        RaftPeer leader = Started(3, spares: 1).Elect();
        Assert.Equal(Errno.Invalid, leader.Change(RaftMembers.Unknown));
        Assert.Equal(Errno.Invalid, leader.Change(new RaftMembers(Ids(0, 1), Ids(2))));
        Assert.Equal(Errno.Invalid, leader.Change(new RaftMembers(Ids(0, 1), default, Ids(1))));
        Assert.Equal(Errno.Invalid, leader.Change(new RaftMembers(Ids(0, 0))));
        Assert.Equal(Errno.Invalid, leader.Change(new RaftMembers([NodeId.None])));
    }

    [Fact]
    public void Entries_whose_configuration_is_missing_or_makes_no_sense_are_not_taken()
    {
        RaftNet net = Started(3, spares: 0);
        RaftPeer leader = net.Elect();
        RaftPeer victim = net.Peers.First(p => p != leader);
        RaftMessage message = new()
        {
            Kind = MessageKind.Append,
            From = leader.Id,
            To = victim.Id,
            Term = victim.Node.Term,
            Index = victim.Node.Log.LastIndex,
            LogTerm = victim.Node.Log.LastTerm,
            EntryCount = 1,
        };
        EntryMeta[] entries = [new EntryMeta(victim.Node.Term, EntryKind.Config)];
        foreach (RaftMembers[] configs in new RaftMembers[][] { [], [RaftMembers.Unknown], [Voters(1), Voters(2)] })
        {
            Effects effects = new();
            victim.Node.Step(in message, entries, configs, victim.Now, effects);
            Assert.True(effects.Violation);
            Assert.True(victim.Node.Members.IsSame(Voters(0, 1, 2)));
        }
    }

    [Fact]
    public void A_handed_over_state_brings_the_configuration_of_its_index()
    {
        RaftNet net = Started(1, spares: 1);
        Effects effects = new();
        RaftMembers then = new(Ids(0), default, Ids(1));
        net[1].Node.OnStateInstalled(new LogIndex(5), default, default, effects, then, new LogIndex(3));
        Assert.True(effects.MembersChanged);
        Assert.Same(then, net[1].Node.Members);
        Assert.Same(then, net[1].Node.MembersAt(new LogIndex(5), out LogIndex since));
        Assert.Equal(3U, since.Value);
    }

    /// <summary>A quiet group's lease rests on merged heartbeats alone; they count by the same majorities.</summary>
    [Theory]
    [InlineData(new uint[] { 1, 3 }, true)]
    [InlineData(new uint[] { 1 }, false)]
    [InlineData(new uint[] { 3, 4 }, false)]
    public void A_lease_by_merged_heartbeats_needs_both_majorities(uint[] acked, bool holds)
    {
        RaftNet net = new(1, 1);
        FakeView view = new();
        RaftConfig config = net.Config(new NodeId(0)) with { Members = new RaftMembers(Ids(0, 3, 4), Ids(0, 1, 2)) };
        RaftNode node = new(config, new RaftStart(), new Prng(1), 0, view);
        Effects effects = new();
        long now = 10 * RaftNet.ElectionTimeout;
        node.OnTimer(now, effects);
        foreach (MessageKind kind in new[] { MessageKind.PreVoteReply, MessageKind.VoteReply })
        {
            foreach (uint voter in new uint[] { 1, 3 })
            {
                RaftMessage grant = new() { Kind = kind, From = new NodeId(voter), To = new NodeId(0), Term = new Term(1) };
                node.Step(in grant, [], now, effects);
            }
            node.OnHardStateDurable(node.HardStateVersion, now, effects);
        }
        Assert.True(node.IsLeader);
        node.OnLogDurable(node.Log.LastIndex, node.Term, now, effects);
        foreach (uint follower in new uint[] { 1, 3 })
        {
            RaftMessage ack = new() { Kind = MessageKind.AppendReply, From = new NodeId(follower), To = new NodeId(0), Term = new Term(1), Index = node.Log.LastIndex, Stamp = long.MinValue };
            node.Step(in ack, [], now, effects);
        }
        Assert.True(node.IsReady);
        Assert.False(node.HoldsLease(now));
        foreach (uint id in acked) { view.Acked[new NodeId(id)] = now; }
        Assert.Equal(holds, node.HoldsLease(now));
    }

    private sealed class FakeView : IHeartbeatView
    {
        public Dictionary<NodeId, long> Acked { get; } = [];

        public long AckedStamp(NodeId peer) => Acked.GetValueOrDefault(peer, long.MinValue);

        public long HeardAt(NodeId leader) => long.MinValue;
    }
}

using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Xunit;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>One test for each claim of the Raft paper and thesis that this implementation makes; the section is cited.</summary>
public sealed class RaftClaimTests
{
    private static RaftNet Started(int voters = 3, ulong seed = 1, int learners = 0, uint preferred = uint.MaxValue)
    {
        RaftNet net = new(seed, voters, learners, preferred);
        net.StartAll();
        return net;
    }

    private static RaftMessage VoteRequest(RaftNet net, int from, int to, ulong term, ulong lastIndex, ulong lastTerm, MessageFlags flags = MessageFlags.Transfer) => new()
    {
        Kind = MessageKind.VoteRequest,
        From = net[from].Id,
        To = net[to].Id,
        Term = new Term(term),
        Index = new LogIndex(lastIndex),
        LogTerm = new Term(lastTerm),
        Flags = flags,
    };

    private static void Replicate(RaftNet net, int entries)
    {
        for (int i = 0; i < entries; i++) { Assert.True(net.Elect().Propose((ulong)i + 1)); }
        net.Run(60);
    }

    [Fact] // §5.2
    public void A_group_elects_exactly_one_leader_and_followers_know_it()
    {
        RaftNet net = Started(5);
        RaftPeer leader = net.Elect();
        net.Run(50);
        Assert.All(net.Peers, p => Assert.Equal(leader.Id, p.Node.Leader));
        Assert.Single(net.Peers, p => p.Node.IsLeader);
    }

    [Fact] // §5.2
    public void A_voter_votes_at_most_once_in_a_term()
    {
        RaftNet net = Started();
        net[0].Receive(new RaftLetter(VoteRequest(net, 1, 0, 5, 0, 0), []));
        net[0].Receive(new RaftLetter(VoteRequest(net, 2, 0, 5, 0, 0), []));
        net[0].Sync();
        Assert.Equal(net[1].Id, net[0].Node.Vote);
        List<RaftMessage> replies = net.Letters.Select(l => l.Message).Where(m => m.Kind == MessageKind.VoteReply).ToList();
        Assert.Equal(2, replies.Count);
        Assert.False(replies[0].Is(MessageFlags.Reject));
        Assert.True(replies[1].Is(MessageFlags.Reject));
    }

    [Fact] // §5.2 with §5.1: persistent state is updated before responding
    public void A_vote_is_not_answered_before_it_is_durable()
    {
        RaftNet net = Started();
        net[0].Receive(new RaftLetter(VoteRequest(net, 1, 0, 5, 0, 0), []));
        net[0].Flush();
        Assert.Empty(net.Letters);
        net[0].Sync();
        Assert.Equal(MessageKind.VoteReply, Assert.Single(net.Letters).Message.Kind);
        Assert.Equal((new Term(5), net[1].Id), (net[0].DurableTerm, net[0].DurableVote));
    }

    [Fact] // §5.2: a candidate's own vote counts like any other
    public void A_single_voter_leads_only_when_its_own_vote_is_durable()
    {
        RaftNet net = Started(1);
        net.Now += 10 * RaftNet.Milli;
        net[0].Tick();
        Assert.Equal(RaftRole.Candidate, net[0].Node.Role);
        net[0].Sync(1);
        Assert.True(net[0].Node.IsLeader);
    }

    [Fact] // §5.4.1
    public void A_candidate_whose_log_is_behind_gets_no_vote()
    {
        RaftNet net = Started();
        Replicate(net, 3);
        RaftPeer leader = net.Leader()!;
        RaftPeer voter = net.Peers.First(p => p != leader);
        RaftPeer other = net.Peers.First(p => p != leader && p != voter);
        ulong last = voter.Node.Log.LastIndex.Value;
        ulong lastTerm = voter.Node.Log.LastTerm.Value;
        net.Letters.Clear();
        voter.Receive(new RaftLetter(VoteRequest(net, (int)other.Id.Value, (int)voter.Id.Value, 50, last - 1, lastTerm), []));
        voter.Sync();
        Assert.True(net.Letters.Single(l => l.Message.Kind == MessageKind.VoteReply).Message.Is(MessageFlags.Reject));
        // A longer log of an older term is behind as well.
        net.Letters.Clear();
        voter.Receive(new RaftLetter(VoteRequest(net, (int)other.Id.Value, (int)voter.Id.Value, 51, last + 10, lastTerm - 1), []));
        voter.Sync();
        Assert.True(net.Letters.Single(l => l.Message.Kind == MessageKind.VoteReply).Message.Is(MessageFlags.Reject));
    }

    [Fact] // §5.3
    public void An_entry_is_acknowledged_only_when_it_is_durable()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        RaftPeer follower = net.Peers.First(p => p != leader);
        Assert.True(leader.Propose(7));
        leader.Flush();
        while (net.Letters.Count > 0) { net.Deliver(0); }
        follower.Flush();
        Assert.DoesNotContain(net.Letters, l => l.Message.From == follower.Id && l.Message.Index == leader.Node.Log.LastIndex);
        follower.Sync();
        follower.Flush();
        Assert.Contains(net.Letters, l => l.Message.From == follower.Id && l.Message.Index == leader.Node.Log.LastIndex);
    }

    [Fact] // §5.3: the leader counts itself like any other replica
    public void A_leader_does_not_count_its_own_entry_before_it_is_durable()
    {
        RaftNet net = Started(1);
        RaftPeer leader = net.Elect();
        LogIndex before = leader.Node.Commit;
        Assert.True(leader.Propose(7));
        leader.Flush();
        Assert.Equal(before, leader.Node.Commit);
        leader.Sync();
        Assert.Equal(before.Next, leader.Node.Commit);
    }

    [Fact] // §5.3, figure 7
    public void A_conflicting_suffix_is_replaced_by_the_leaders()
    {
        RaftNet net = Started();
        RaftPeer old = net.Elect();
        Replicate(net, 2);
        net.IsCut = (from, to) => from == old.Id || to == old.Id;
        for (ulong i = 100; i < 110; i++) { _ = old.Propose(i); }
        old.Sync();
        net.Run(400);
        RaftPeer leader = net.Peers.Single(p => p != old && p.Node.IsLeader);
        Assert.True(leader.Propose(500));
        net.IsCut = (_, _) => false;
        net.Run(200);
        Assert.Equal(leader.Log, old.Log);
        Assert.DoesNotContain(old.Log, e => e.Value is >= 100 and < 110);
    }

    [Fact] // §5.3, end: whole terms are skipped
    public void Backing_off_takes_one_message_per_term_not_one_per_entry()
    {
        RaftNet net = Started();
        RaftPeer old = net.Elect();
        net.Run(50);
        net.IsCut = (from, to) => from == old.Id || to == old.Id;
        for (ulong i = 0; i < 60; i++) { _ = old.Propose(1000 + i); }
        old.Sync();
        net.Run(400);
        RaftPeer leader = net.Peers.Single(p => p != old && p.Node.IsLeader);
        for (ulong i = 0; i < 60; i++) { _ = leader.Propose(2000 + i); }
        net.Settle();
        // The next leader begins to look at the end of its own log, 60 entries behind the point where the two agree.
        leader.Crash(int.MaxValue);
        net.IsCut = (_, _) => false;
        net.Trace = new System.Text.StringBuilder();
        net.Run(500);
        leader = net.Elect();
        Assert.NotEqual(old, leader);
        Assert.Equal(leader.Log, old.Log);
        int refusals = net.Trace.ToString().Split('\n').Count(l => l.Contains($"{old.Id}->{leader.Id} AppendReply") && l.Contains("[Reject]"));
        Assert.InRange(refusals, 1, 6);
    }

    [Fact] // §5.4.2, figure 8
    public void Entries_of_an_older_term_are_not_committed_by_counting_replicas()
    {
        RaftNet net = Started();
        RaftPeer first = net.Elect();
        net.Run(50);
        ulong commit = first.Node.Commit.Value;
        // An entry reaches the majority, but the leader does not hear of it and crashes.
        RaftPeer second = net.Peers.First(p => p != first);
        RaftPeer third = net.Peers.Last(p => p != first);
        net.IsCut = (from, to) => to == third.Id || from == third.Id || to == first.Id;
        Assert.True(first.Propose(7));
        net.Settle();
        first.Crash(0);
        net.IsCut = (_, _) => false;
        RaftPeer leader = net.Elect();
        Assert.Equal(second.Id, leader.Id);
        // It is committed now, and only because the new leader's own first entry is.
        Assert.True(leader.Node.Commit.Value >= commit + 2);
        Assert.Equal(EntryKind.NoOp, leader.Log[(int)commit + 1].Kind);
    }

    [Fact] // §8 and thesis §6.4
    public void A_new_leader_serves_no_read_before_its_first_entry_is_committed()
    {
        RaftNet net = Started();
        RaftPeer old = net.Elect();
        net.Run(50);
        RaftPeer next = net.Peers.First(p => p != old);
        Assert.Equal(Errno.None, old.Transfer(next.Id));
        for (int i = 0; i < 50 && !next.Node.IsLeader; i++)
        {
            net.Now += RaftNet.Milli / 10;
            foreach (RaftPeer peer in net.Peers) { peer.Sync(1); peer.Flush(); }
            while (net.Letters.Count > 0 && !next.Node.IsLeader) { net.Deliver(0); }
        }
        Assert.True(next.Node.IsLeader);
        Assert.False(next.Node.IsReady);
        Assert.False(next.Node.HoldsLease(next.Now));
        Assert.True(next.ReadIndex(9));
        Assert.Empty(next.Reads);
        net.Settle();
        ReadOutcome read = Assert.Single(next.Reads);
        Assert.True(read.Confirmed);
        Assert.True(read.Index >= next.Node.NoOpIndex);
    }

    [Fact] // thesis §6.4: read index
    public void A_cut_off_leader_confirms_no_read()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        net.IsCut = (from, to) => from == leader.Id || to == leader.Id;
        Assert.True(leader.ReadIndex(1));
        net.Run(400);
        Assert.False(leader.Node.IsLeader);
        Assert.False(Assert.Single(leader.Reads).Confirmed);
    }

    [Fact] // thesis §6.4: a round confirms only reads that came before it was sent
    public void A_message_sent_before_the_read_does_not_confirm_it()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        Assert.True(leader.Propose(1));
        leader.Flush(); // same instant, but before the read
        Assert.True(leader.ReadIndex(1));
        List<RaftLetter> before = [.. net.Letters];
        net.Letters.Clear();
        foreach (RaftLetter letter in before) { net[(int)letter.Message.To.Value].Receive(letter); }
        foreach (RaftPeer peer in net.Peers.Where(p => p != leader)) { peer.Sync(); peer.Flush(); }
        while (net.Letters.Count > 0) { net.Deliver(0); }
        Assert.Empty(leader.Reads);
        net.Settle();
        Assert.True(Assert.Single(leader.Reads).Confirmed);
    }

    [Fact] // thesis §6.4.1: the lease counts from the sending of the acknowledged round
    public void A_lease_ends_one_election_timeout_less_drift_after_the_sending()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        Assert.True(leader.Node.HoldsLease(leader.Now));
        Assert.True(leader.Propose(1));
        leader.Flush();
        long sent = leader.Now;
        net.Now += 30 * RaftNet.Milli; // the answer takes its time
        net.Settle();
        net.IsCut = (_, _) => true;
        net.Letters.Clear();
        Assert.True(leader.Node.HoldsLease(sent + 89 * RaftNet.Milli));
        Assert.False(leader.Node.HoldsLease(sent + 121 * RaftNet.Milli));
    }

    [Fact] // thesis §4.2.3
    public void A_voter_that_hears_a_leader_ignores_vote_requests()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        RaftPeer voter = net.Peers.First(p => p != leader);
        RaftPeer other = net.Peers.Last(p => p != leader);
        Term term = voter.Node.Term;
        voter.Receive(new RaftLetter(VoteRequest(net, (int)other.Id.Value, (int)voter.Id.Value, 99, 99, 98, MessageFlags.None), []));
        Assert.Equal(term, voter.Node.Term);
        // The leader's own transfer is excepted.
        voter.Receive(new RaftLetter(VoteRequest(net, (int)other.Id.Value, (int)voter.Id.Value, 99, 99, 98, MessageFlags.Transfer), []));
        Assert.Equal((new Term(99), other.Id), (voter.Node.Term, voter.Node.Vote));
    }

    [Fact] // lease rule across restarts
    public void A_restarted_voter_refuses_votes_for_a_full_election_timeout()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        RaftPeer voter = net.Peers.First(p => p != leader);
        RaftPeer other = net.Peers.Last(p => p != leader);
        voter.Crash(0);
        voter.Start();
        Term term = voter.Node.Term;
        RaftMessage request = VoteRequest(net, (int)other.Id.Value, (int)voter.Id.Value, 99, 99, 98, MessageFlags.None);
        net.Now += (RaftNet.ElectionTimeout - RaftNet.Milli);
        voter.Receive(new RaftLetter(request, []));
        Assert.Equal(term, voter.Node.Term);
        net.Now += 2 * RaftNet.Milli;
        voter.Receive(new RaftLetter(request, []));
        Assert.Equal(new Term(99), voter.Node.Term);
    }

    [Fact] // thesis §9.6
    public void A_member_that_comes_back_from_a_partition_does_not_disturb()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        Term term = leader.Node.Term;
        RaftPeer away = net.Peers.First(p => p != leader);
        net.IsCut = (from, to) => from == away.Id || to == away.Id;
        net.Run(2000);
        Assert.Equal(term, away.Node.Term); // pre-votes move no term
        net.IsCut = (_, _) => false;
        net.Run(300);
        Assert.True(leader.Node.IsLeader);
        Assert.Equal(term, leader.Node.Term);
    }

    [Fact] // thesis §6.2
    public void A_leader_that_hears_no_majority_steps_down()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        net.IsCut = (from, to) => from == leader.Id || to == leader.Id;
        net.Run(2 * RaftNet.ElectionTimeout / RaftNet.Milli);
        Assert.False(leader.Node.IsLeader);
    }

    [Fact] // thesis §3.10
    public void Leadership_is_transferred_to_a_member_that_has_caught_up()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        RaftPeer next = net.Peers.First(p => p != leader);
        Assert.True(leader.Propose(1));
        Assert.Equal(Errno.None, leader.Transfer(next.Id));
        Assert.Equal(Errno.Busy, leader.Node.CheckPropose());
        net.Settle();
        Assert.True(next.Node.IsLeader);
        Assert.Contains(next.Log, e => e.Value == 1);
    }

    [Fact] // lease rule: given up before somebody may break it
    public void A_leader_gives_up_its_lease_before_it_asks_another_to_campaign()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        RaftPeer next = net.Peers.First(p => p != leader);
        net.IsCut = (_, to) => to == next.Id; // TimeoutNow gets lost
        Assert.True(leader.Node.HoldsLease(leader.Now));
        Assert.Equal(Errno.None, leader.Transfer(next.Id));
        Assert.False(leader.Node.HoldsLease(leader.Now));
        net.Run(300);
        // The transfer was given up: it leads on, but the message may still be on its way, so no lease in this term.
        Assert.True(leader.Node.IsLeader);
        Assert.False(leader.Node.HoldsLease(leader.Now));
        Assert.Equal(Errno.None, leader.Node.CheckPropose());
        Assert.True(leader.ReadIndex(1));
        net.Settle();
        Assert.True(leader.Reads.Single().Confirmed);
    }

    [Fact] // thesis §4.2.1
    public void A_learner_gets_the_log_but_neither_votes_nor_leads_nor_counts()
    {
        RaftNet net = Started(1, learners: 1);
        RaftPeer leader = net.Elect();
        Assert.Equal(0U, leader.Id.Value);
        net.IsCut = (from, to) => from.Value == 1 || to.Value == 1;
        Assert.True(leader.Propose(5));
        net.Settle();
        Assert.Equal(leader.Node.Log.LastIndex, leader.Node.Commit); // without the learner
        net.IsCut = (_, _) => false;
        net.Run(100);
        Assert.Equal(leader.Log, net[1].Log);
        leader.Crash(0);
        net.Run(1000);
        Assert.Equal(RaftRole.Follower, net[1].Node.Role);
    }

    [Fact]
    public void A_replica_without_room_does_not_acknowledge_and_says_so()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        RaftPeer full = net.Peers.First(p => p != leader);
        LogIndex before = full.Node.Log.LastIndex;
        full.IsFull = true;
        Assert.True(leader.Propose(1));
        net.Run(30);
        Assert.Equal(before, full.Node.Log.LastIndex);
        Progress progress = leader.Node.Peers[leader.Node.PeerIndex(full.Id)];
        Assert.True(progress.HasNoRoom);
        Assert.Equal(before, progress.Match);
        Assert.Equal(leader.Node.Log.LastIndex, leader.Node.Commit); // the others are a majority
        full.IsFull = false;
        net.Run(100);
        Assert.Equal(leader.Log, full.Log);
        Assert.False(progress.HasNoRoom);
    }

    [Fact]
    public void A_replica_that_has_room_again_gets_entries_at_once_and_not_after_a_heartbeat()
    {
        RaftNet net = Started();
        RaftPeer leader = net.Elect();
        net.Run(50);
        RaftPeer full = net.Peers.First(p => p != leader);
        full.IsFull = true;
        Assert.True(leader.Propose(1));
        net.Run(30);
        Progress progress = leader.Node.Peers[leader.Node.PeerIndex(full.Id)];
        Assert.True(progress.HasNoRoom);
        full.IsFull = false;
        full.Do(full.Node.OnRoom);
        for (int i = 0; i < 20 && progress.HasNoRoom; i++)
        {
            Assert.True(leader.Now < progress.RetryAt);
            net.Run(1);
        }
        Assert.False(progress.HasNoRoom);
        net.Run(20);
        Assert.Equal(leader.Log, full.Log);
    }

    [Fact]
    public void The_preferred_leader_campaigns_first_and_gets_the_leadership_back()
    {
        int first = 0;
        for (ulong seed = 1; seed <= 20; seed++)
        {
            RaftNet net = Started(3, seed, preferred: 2);
            first += net.Elect().Id.Value == 2 ? 1 : 0;
        }
        Assert.Equal(20, first);
        RaftNet group = Started(3, 5, preferred: 2);
        _ = group.Elect();
        group[2].Crash(0);
        group.Run(500);
        Assert.NotEqual(2U, group.Elect().Id.Value);
        group[2].Start();
        group.Run(1000);
        Assert.Equal(2U, group.Elect().Id.Value);
    }

    [Fact]
    public void A_window_bounds_what_is_in_flight()
    {
        RaftNet net = new(1, 3) { WindowEntries = 10 };
        net.StartAll();
        RaftPeer leader = net.Elect();
        net.Run(50);
        for (ulong i = 0; i < 100; i++) { Assert.True(leader.Propose(i)); }
        leader.Flush();
        Assert.All([1, 0], i => Assert.True(leader.Node.Peers[i].Next - leader.Node.Peers[i].Match - 1 <= 10));
        net.Run(100);
        Assert.Equal(leader.Node.Log.LastIndex, leader.Node.Commit);
    }

    [Fact]
    public void Nonsense_from_a_peer_is_ignored()
    {
        Prng prng = new(4);
        Invariant.ThrowsOnThisThread = true;
        try
        {
            for (int i = 0; i < 300; i++)
            {
                RaftNet net = Started(3, (ulong)i);
                RaftPeer victim = net.Elect();
                victim = prng.Chance(500_000) ? victim : net.Peers.First(p => p != victim);
                for (int k = 0; k < 100; k++) { StepNonsense(prng, victim); }
            }
        }
        finally
        {
            Invariant.ThrowsOnThisThread = false;
            Invariant.FirstViolation = null;
        }
    }

    /// <summary>Straight into the node: the net's own checkers would rightly complain about lies.</summary>
    private static void StepNonsense(Prng prng, RaftPeer victim)
    {
        EntryMeta[] entries = new EntryMeta[prng.Below(4)];
        for (int i = 0; i < entries.Length; i++) { entries[i] = new EntryMeta(new Term((ulong)prng.Below(4)), EntryKind.Data); }
        RaftMessage message = new()
        {
            Kind = (MessageKind)prng.Below(9),
            Flags = (MessageFlags)prng.Below(16),
            From = new NodeId((uint)prng.Below(4)),
            To = victim.Id,
            Term = new Term(prng.Chance(900_000) ? (ulong)prng.Below(4) : prng.Next() >> 2),
            Index = new LogIndex(prng.Chance(900_000) ? (ulong)prng.Below(8) : prng.Next() >> 2),
            LogTerm = new Term((ulong)prng.Below(4)),
            Commit = new LogIndex(prng.Next()),
            Hint = new LogIndex(prng.Next()),
            Stamp = unchecked((long)prng.Next()),
            EntryCount = entries.Length,
        };
        Effects effects = new();
        victim.Node.Step(in message, entries, victim.Now, effects);
        victim.Node.OnTimer(victim.Now, effects);
    }
}

using Fastblock.Native.Base;
using Fastblock.Raft;
using Xunit;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>Goal: who has lost what it acknowledged does not help to elect somebody who lacks it too. Raft §5.4.1 counts on voters
/// that hold what they acknowledged.</summary>
public sealed class NoVoteTests
{
    private static readonly NodeId Candidate = new(1);

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(1, 5, true)] // the own log ends there
    [InlineData(1, 7, true)] // as far as the candidate's
    [InlineData(1, 8, false)]
    [InlineData(2, 6, false)]
    public void It_votes_as_if_its_log_ended_where_it_once_did(ulong term, ulong index, bool votes) =>
        Assert.Equal(votes, Grants(Node(End(term, index))));

    [Fact]
    public void A_candidate_with_an_entry_of_a_newer_leader_may_have_a_shorter_log() =>
        Assert.True(Grants(Node(End(1, 9)), candidate: End(2, 6)));

    [Fact]
    public void What_was_acknowledged_behind_a_state_counts_until_it_is_there_again()
    {
        RaftNode node = Node(default);
        AppendTo(node, 8);
        LogEnd floor = node.FloorBehind(new LogIndex(6), new Term(1), default);
        Assert.Equal(End(1, 8), floor);
        node.OnRecoveryBegins(now: 0, new Effects());
        node.OnStateInstalled(new LogIndex(6), new Term(1), floor, new Effects());
        Assert.False(Grants(node, candidate: End(1, 7)));
        Assert.True(Grants(node, candidate: End(1, 8)));
        Assert.Equal(floor, node.VoteEnd);
        AppendTo(node, 8);
        Assert.Equal(default, node.FloorBehind(new LogIndex(8), new Term(1), default));
    }

    [Fact]
    public void What_follows_an_entry_that_the_state_contradicts_was_never_committed()
    {
        RaftNode node = Node(default);
        AppendTo(node, 8);
        Assert.Equal(default, node.FloorBehind(new LogIndex(6), new Term(2), default));
    }

    [Fact]
    public void A_log_that_lost_entries_counts_as_long_as_the_leaders()
    {
        RaftNode node = Node(default);
        node.OnLogLost(now: 0, new Effects());
        Assert.False(Grants(node, candidate: End(9, 100)));
        Assert.Equal(End(3, 9), node.FloorBehind(new LogIndex(6), new Term(1), End(3, 9)));
    }

    private static LogEnd End(ulong term, ulong index) => new(new Term(term), new LogIndex(index));

    private static RaftNode Node(LogEnd floor) => new(new RaftNet(1, voters: 3).Config(new NodeId(0)), new RaftStart
    {
        Term = new Term(3),
        Log = new RaftLog(new LogIndex(5), new Term(1)),
        Commit = new LogIndex(5),
        VoteFloor = floor,
    }, new Prng(1), now: 0);

    /// <summary>Entries of term 1 from the leader, up to an index, and durable.</summary>
    private static void AppendTo(RaftNode node, ulong last)
    {
        LogIndex from = node.Log.LastIndex;
        var entries = new EntryMeta[last - from.Value];
        System.Array.Fill(entries, new EntryMeta(new Term(1), EntryKind.Data));
        RaftMessage message = new()
        {
            Kind = MessageKind.Append,
            From = Candidate,
            To = node.Self,
            Term = node.Term,
            Index = from,
            LogTerm = new Term(1),
            EntryCount = entries.Length,
        };
        node.Step(in message, entries, now: 0, new Effects());
        node.OnLogDurable(new LogIndex(last), new Term(1), now: 0, new Effects());
    }

    private static bool Grants(RaftNode node) => Grants(node, End(1, 7));

    private static bool Grants(RaftNode node, LogEnd candidate)
    {
        Effects effects = new();
        RaftMessage request = new()
        {
            Kind = MessageKind.PreVoteRequest,
            From = Candidate,
            To = node.Self,
            Term = node.Term.Next,
            Index = candidate.Index,
            LogTerm = candidate.Term,
        };
        node.Step(in request, [], 100 * RaftNet.ElectionTimeout, effects);
        Assert.True(effects.Messages.TryPopFront(out RaftMessage reply));
        Assert.Equal(MessageKind.PreVoteReply, reply.Kind);
        return !reply.Is(MessageFlags.Reject);
    }
}

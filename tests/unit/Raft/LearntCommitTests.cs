using Fastblock.Native.Base;
using Fastblock.Raft;
using Xunit;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>Goal: a restarted leader and a member that needs its state do not wait for a third one. The member's log begins behind
/// what was applied, so that is committed, and the leader believes it when it has the same entry.</summary>
public sealed class LearntCommitTests
{
    private static readonly NodeId Member = new(1);

    [Theory]
    [InlineData(7, 1, 7)]
    [InlineData(10, 1, 10)]
    [InlineData(7, 2, 2)] // another entry: its log is not ours
    [InlineData(7, 0, 2)] // the record of its base is lost
    [InlineData(12, 1, 2)] // we do not have it
    [InlineData(1, 1, 2)] // no news
    public void The_base_of_a_log_that_needs_the_state_is_committed(ulong baseIndex, ulong baseTerm, ulong commit)
    {
        RaftNode node = Leader(out long now);
        Effects effects = new();
        RaftMessage reply = Reply(node, MessageKind.AppendReply, MessageFlags.Reject | MessageFlags.NeedsState);
        reply.Index = new LogIndex(10);
        reply.Hint = new LogIndex(baseIndex);
        reply.LogTerm = new Term(baseTerm);
        node.Step(in reply, [], now, effects);
        Assert.Equal(commit, node.Commit.Value);
        Assert.Equal(commit > 2, effects.CommitMoved);
        Assert.False(effects.Violation);
        Assert.False(effects.HandOvers.IsEmpty);
    }

    [Fact]
    public void A_member_that_needs_the_state_tells_its_base()
    {
        RaftNode node = new(new RaftNet(1, voters: 3).Config(new NodeId(0)), new RaftStart
        {
            Term = new Term(3),
            Log = Log(new LogIndex(5), new Term(2), entries: 4),
            NeedsState = true,
        }, new Prng(1), now: 0);
        Effects effects = new();
        RaftMessage append = Reply(node, MessageKind.Append, MessageFlags.None);
        append.Index = new LogIndex(9);
        append.LogTerm = new Term(2);
        node.Step(in append, [], 100, effects);
        Assert.True(effects.Messages.TryPopFront(out RaftMessage reply));
        Assert.True(reply.Is(MessageFlags.NeedsState));
        Assert.Equal((5UL, 2UL), (reply.Hint.Value, reply.LogTerm.Value));
    }

    /// <summary>Leads in term 3; ten entries of term 1, of which it knows two to be committed.</summary>
    private static RaftNode Leader(out long now)
    {
        RaftNode node = new(new RaftNet(1, voters: 3).Config(new NodeId(0)), new RaftStart
        {
            Term = new Term(2),
            Log = Log(default, default, entries: 10),
            Commit = new LogIndex(2),
        }, new Prng(1), now: 0);
        Effects effects = new();
        now = 100 * RaftNet.ElectionTimeout;
        node.OnTimer(now, effects);
        RaftMessage granted = Reply(node, MessageKind.PreVoteReply, MessageFlags.None);
        granted.Term = node.Term.Next;
        node.Step(in granted, [], now, effects);
        node.OnHardStateDurable(node.HardStateVersion, now, effects);
        RaftMessage vote = Reply(node, MessageKind.VoteReply, MessageFlags.None);
        node.Step(in vote, [], now, effects);
        Assert.True(node.IsLeader);
        return node;
    }

    private static RaftLog Log(LogIndex baseIndex, Term baseTerm, int entries)
    {
        RaftLog log = new(baseIndex, baseTerm);
        Term term = baseTerm > default(Term) ? baseTerm : new Term(1);
        for (int i = 0; i < entries; i++) { _ = log.Append(term); }
        return log;
    }

    private static RaftMessage Reply(RaftNode node, MessageKind kind, MessageFlags flags) => new()
    {
        Kind = kind,
        Flags = flags,
        From = Member,
        To = node.Self,
        Term = node.Term,
        Stamp = long.MinValue,
    };
}

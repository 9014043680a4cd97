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
    [InlineData(0, true)]
    [InlineData(5, true)]
    [InlineData(6, false)]
    public void After_a_restart_it_votes_when_its_log_reaches_the_index(ulong noVoteBelow, bool votes) =>
        Assert.Equal(votes, Grants(Node(noVoteBelow)));

    [Fact]
    public void After_a_hand_over_it_votes_when_the_state_reaches_the_index()
    {
        RaftNode node = Node(0);
        node.OnStateInstalled(new LogIndex(7), new Term(1), new LogIndex(9), new Effects());
        Assert.False(Grants(node));
        node.OnStateInstalled(new LogIndex(9), new Term(1), new LogIndex(9), new Effects());
        Assert.True(Grants(node));
    }

    private static RaftNode Node(ulong noVoteBelow) => new(new RaftNet(1, voters: 3).Config(new NodeId(0)), new RaftStart
    {
        Term = new Term(1),
        Log = new RaftLog(new LogIndex(5), new Term(1)),
        Commit = new LogIndex(5),
        NoVoteBelow = new LogIndex(noVoteBelow),
    }, new Prng(1), now: 0);

    private static bool Grants(RaftNode node)
    {
        Effects effects = new();
        RaftMessage request = new()
        {
            Kind = MessageKind.PreVoteRequest,
            From = Candidate,
            To = node.Self,
            Term = node.Term.Next,
            Index = new LogIndex(100),
            LogTerm = node.Term,
        };
        node.Step(in request, [], 100 * RaftNet.ElectionTimeout, effects);
        Assert.True(effects.Messages.TryPopFront(out RaftMessage reply));
        Assert.Equal(MessageKind.PreVoteReply, reply.Kind);
        return !reply.Is(MessageFlags.Reject);
    }
}

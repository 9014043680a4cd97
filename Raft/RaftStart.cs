using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>What a node remembers from before: all of it durable.</summary>
internal sealed record RaftStart
{
    public Term Term { get; init; }
    public NodeId Vote { get; init; } = NodeId.None;

    /// <summary>The log as recovered; the node takes it over.</summary>
    public RaftLog Log { get; init; } = new();

    /// <summary>The configurations of that log: the stored one and those of its entries behind it, committed or not. Null = those of
    /// <see cref="RaftConfig.Members"/>, with which the group was founded.</summary>
    public ConfigTrack? Configs { get; init; }

    /// <summary>Up to where the entries are known to be committed: at least the log's base.</summary>
    public LogIndex Commit { get; init; }

    /// <summary>Who should lead; None = nobody in particular.</summary>
    public NodeId Preferred { get; init; } = NodeId.None;

    /// <summary>The state machine's state is incomplete (a hand-over was interrupted).</summary>
    public bool NeedsState { get; init; }

    /// <summary>What was acknowledged here and lost since lies at or before this end of a log: the node votes as if its own log
    /// ended there, and does not campaign before it does. Default = nothing was lost.</summary>
    public LogEnd VoteFloor { get; init; }

    /// <summary>Acknowledged entries may have been lost here: no votes until a hand-over has ended.</summary>
    public bool LostLog { get; init; }

    /// <summary>A replica that is made to join a group, perhaps under a number that was a member before. It may listen to no leader
    /// from before its predecessor was removed, and vote only for logs that hold what its predecessor may have acknowledged. All of it has to
    /// be durable before the replica takes part.</summary>
    /// <param name="reported">Term of a leader that has reported a committed configuration without this member.</param>
    /// <param name="index">Index of that configuration's entry.</param>
    public static RaftStart ToJoin(Term reported, LogIndex index) => new()
    {
        Term = Sabotage.Is(SabotageKind.JoinerWithoutTerm) ? default : reported,
        VoteFloor = Sabotage.Is(SabotageKind.JoinerVotes) ? default : new LogEnd(reported, index),
        Configs = new ConfigTrack(RaftMembers.Unknown),
    };
}

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

    /// <summary>No votes before the log holds this index: entries up to there may have been acknowledged here and lost since.</summary>
    public LogIndex NoVoteBelow { get; init; }

    /// <summary>Acknowledged entries may have been lost here: no votes until a hand-over has ended.</summary>
    public bool LostLog { get; init; }
}

namespace Fastblock.Raft;

/// <summary>What a <see cref="RaftMessage"/> is. Values are on the wire.</summary>
internal enum MessageKind : byte
{
    None = 0,

    /// <summary>Leader to follower: entries behind (Index, LogTerm), or none.</summary>
    Append = 1,

    /// <summary>Follower to leader: durable and matching up to Index, or a refusal.</summary>
    AppendReply = 2,

    /// <summary>Candidate to voter; (Index, LogTerm) is the end of its log.</summary>
    VoteRequest = 3,
    VoteReply = 4,

    /// <summary>As VoteRequest, for the term that the sender would campaign in; moves nobody's term (thesis §9.6).</summary>
    PreVoteRequest = 5,
    PreVoteReply = 6,

    /// <summary>Leader to the follower that shall lead: campaign at once (thesis §3.10).</summary>
    TimeoutNow = 7,
}

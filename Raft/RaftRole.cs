namespace Fastblock.Raft;

/// <summary>Raft §5.1, with the pre-candidate of thesis §9.6.</summary>
internal enum RaftRole : byte
{
    Follower,

    /// <summary>Asks whether an election could be won, without moving any term.</summary>
    PreCandidate,

    Candidate,
    Leader,
}

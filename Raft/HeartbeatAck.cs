namespace Fastblock.Raft;

/// <summary>The fixed part of the answer to a merged heartbeat; the slots that do not follow travel beside it.</summary>
/// <param name="Version">The version of the set that the answer was given for.</param>
/// <param name="SentAt">The heartbeat's.</param>
/// <param name="IsValid">False = the receiver does not have the version that the heartbeat builds upon: nothing is renewed, agree
/// anew.</param>
internal readonly record struct HeartbeatAck(ulong Session, ulong Version, long SentAt, bool IsValid)
{
    /// <summary>The follower's store takes no new data: leaders refuse writes before they propose them.</summary>
    public bool IsFull { get; init; }
}

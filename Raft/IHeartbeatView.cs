namespace Fastblock.Raft;

/// <summary>What the merged heartbeats of the shard say about one group. The node asks when it needs to know; nothing is
/// called per group and heartbeat.</summary>
internal interface IHeartbeatView
{
    /// <summary>Leader: when the newest merged heartbeat was sent that <paramref name="peer"/> acknowledged while it followed
    /// this group's leader in this term; long.MinValue = none.</summary>
    long AckedStamp(NodeId peer);

    /// <summary>Follower: when the newest merged heartbeat of <paramref name="leader"/> arrived that covers this group in this
    /// term; long.MinValue = none.</summary>
    long HeardAt(NodeId leader);
}

namespace Fastblock.Raft;

/// <summary>No merged heartbeats: every group sends its own.</summary>
internal sealed class NoHeartbeats : IHeartbeatView
{
    public static NoHeartbeats Instance { get; } = new();

    public long AckedStamp(NodeId peer) => long.MinValue;

    public long HeardAt(NodeId leader) => long.MinValue;
}

namespace Fastblock.Net.Transport;

/// <summary>What a frame's body is. Values are on the wire; docs/wire-protocol.md lists the layouts.</summary>
internal enum FrameType : byte
{
    None = 0,

    /// <summary>Protobuf ControlMessage (request, response or push).</summary>
    Control = 1,

    /// <summary>Transport keep-alive; never reaches a handler.</summary>
    Ping = 2,
    Pong = 3,

    /// <summary>The first frame of both sides; never reaches a handler.</summary>
    Hello = 4,

    /// <summary>The answer to a hello that is not let in: the reason as UTF-8 text; the connection ends.</summary>
    Refused = 5,

    /// <summary>Client to OSD: one operation on one object.</summary>
    DataRequest = 16,
    DataReply = 17,

    /// <summary>Replica to replica: raft messages of one group, entries as payload.</summary>
    Raft = 32,

    /// <summary>Shard to shard: the merged heartbeat and its acknowledgement.</summary>
    Heartbeat = 33,
    HeartbeatAck = 34,

    /// <summary>Hand-over of replicated state to a follower that the log no longer reaches.</summary>
    RecoveryRequest = 48,
    RecoveryReply = 49,

    /// <summary>Replica to replica: what one lacks of an object because its own copy is damaged, or what a scrub found.</summary>
    RepairRequest = 50,
    RepairReply = 51,
}

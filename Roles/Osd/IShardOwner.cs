using Fastblock.Native.Base;
using Fastblock.Net.Proto;

namespace Fastblock.Roles.Osd;

/// <summary>The OSD as its shards see it. Safe to call from any shard's reactor.</summary>
internal interface IShardOwner
{
    /// <summary>What changed in a shard since its last report.</summary>
    void OnShardReport(ShardReport report);

    /// <summary>The shard's part of the device can no longer be written: this OSD must end, so that it is replaced.</summary>
    void OnShardFailed(int shard, Errno status);

    /// <summary>A client asked for something that concerns the whole process: log level, waiting.</summary>
    ControlReply OnProcessRequest(ControlRequest request);
}

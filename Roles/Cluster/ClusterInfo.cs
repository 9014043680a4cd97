using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Google.Protobuf;

namespace Fastblock.Roles.Cluster;

/// <summary>The cluster itself: fixed when it was made, but for its monitors and switches.</summary>
internal sealed record ClusterInfo
{
    public Guid Uuid { get; init; }

    /// <summary>Shards of every OSD.</summary>
    public int Shards { get; init; }

    /// <summary>Switches of the operator: ClusterFlag values.</summary>
    public ulong Flags { get; init; }

    public long CreatedMillis { get; init; }
    /// <summary>In ascending order of their ids.</summary>
    public IReadOnlyList<MonInfo> Mons { get; init; } = [];

    /// <summary>Revision of the last change of this record.</summary>
    public Epoch Changed { get; init; }

    /// <returns>False when the bytes are no valid record.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, Epoch changed, out ClusterInfo info)
    {
        info = new ClusterInfo();
        if (!ProtoReader.TryParse(ClusterRecord.Parser, bytes, out ClusterRecord record)) { return false; }
        if (!UuidBytes.TryRead(record.Uuid, out Guid uuid) || uuid == Guid.Empty) { return false; }
        if (record.Shards is 0 or > ClusterLimits.MaxShards) { return false; }
        List<MonInfo> mons = [];
        foreach (MonRecord mon in record.Mons)
        {
            if (!MonInfo.TryRead(mon, out MonInfo? known)) { return false; }
            mons.Add(known);
        }
        info = new ClusterInfo
        {
            Uuid = uuid,
            Shards = (int)record.Shards,
            Flags = record.Flags,
            CreatedMillis = record.CreatedMs,
            Mons = mons,
            Changed = changed,
        };
        return true;
    }

    public bool Has(ClusterFlag flag) => (Flags & (ulong)flag) != 0;

    public byte[] ToBytes()
    {
        ClusterRecord record = new()
        {
            Uuid = UuidBytes.ToBytes(Uuid),
            Shards = (uint)Shards,
            Flags = Flags,
            CreatedMs = CreatedMillis,
        };
        foreach (MonInfo mon in Mons) { record.Mons.Add(mon.ToRecord()); }
        return record.ToByteArray();
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Google.Protobuf;

namespace Fastblock.Roles.Cluster;

/// <summary>One PG as the map knows it: who holds its replicas.</summary>
internal sealed record PgInfo
{
    public PgId Id { get; init; }
    public IReadOnlyList<PgMember> Members { get; init; } = [];

    /// <summary>Tells this PG from an earlier one under the same id; from a durable counter, never re-used.</summary>
    public ulong Incarnation { get; init; }

    /// <summary>The shard that it lives on, on every one of its OSDs.</summary>
    public int Shard { get; init; }

    public PgState State { get; init; }

    /// <summary>The member that should lead when it can, so that leaders are spread.</summary>
    public OsdId PreferredLeader { get; init; }

    /// <summary>Revision of the last change of this record: the PG's own epoch.</summary>
    public Epoch Changed { get; init; }

    /// <summary>Members that make a majority.</summary>
    public int Majority => (Members.Count / 2) + 1;

    /// <summary>Whether the OSD, with this device, is a member.</summary>
    public bool Has(OsdId osd, Guid device)
    {
        for (int i = 0; i < Members.Count; i++)
        {
            if (Members[i].Osd == osd && Members[i].Device == device) { return true; }
        }
        return false;
    }

    public bool Has(OsdId osd)
    {
        for (int i = 0; i < Members.Count; i++)
        {
            if (Members[i].Osd == osd) { return true; }
        }
        return false;
    }

    /// <returns>False when the bytes are no valid record.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, Epoch changed, out PgInfo info)
    {
        info = new PgInfo();
        if (!ProtoReader.TryParse(PgRecord.Parser, bytes, out PgRecord record)) { return false; }
        if (record.Pool is 0 or > ClusterLimits.MaxPools || record.Number >= ClusterLimits.MaxPgsPerPool) { return false; }
        if (record.Shard >= ClusterLimits.MaxShards) { return false; }
        if (record.Members.Count is 0 or > 2 * ClusterLimits.MaxReplicas) { return false; }
        PgMember[] members = new PgMember[record.Members.Count];
        for (int i = 0; i < members.Length; i++)
        {
            PgMemberRecord member = record.Members[i];
            if (!UuidBytes.TryRead(member.DeviceUuid, out Guid device) || member.Osd >= ClusterLimits.MaxOsds) { return false; }
            members[i] = new PgMember(new OsdId(member.Osd), device);
        }
        info = new PgInfo
        {
            Id = new PgId(new PoolId(record.Pool), record.Number),
            Members = members,
            Incarnation = record.Incarnation,
            Shard = (int)record.Shard,
            State = record.State == PgRecordState.PgActive ? PgState.Active : PgState.Creating,
            PreferredLeader = new OsdId(record.PreferredLeader),
            Changed = changed,
        };
        return true;
    }

    public byte[] ToBytes()
    {
        PgRecord record = new()
        {
            Pool = Id.Pool.Value,
            Number = Id.Number,
            Incarnation = Incarnation,
            Shard = (uint)Shard,
            State = State == PgState.Active ? PgRecordState.PgActive : PgRecordState.PgCreating,
            PreferredLeader = PreferredLeader.Value,
        };
        foreach (PgMember member in Members)
        {
            record.Members.Add(new PgMemberRecord
            {
                Osd = member.Osd.Value,
                DeviceUuid = UuidBytes.ToBytes(member.Device),
            });
        }
        return record.ToByteArray();
    }
}

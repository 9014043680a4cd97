using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Google.Protobuf;

namespace Fastblock.Roles.Cluster;

/// <summary>One PG as the map knows it: who should hold its replicas, and who did when its leader last said so.</summary>
internal sealed record PgInfo
{
    private IReadOnlyList<PgMember>? _holders;

    public PgInfo()
    {
    }

    /// <summary>A copy does not take over what was derived from the original.</summary>
    private PgInfo(PgInfo other)
    {
        (Id, Members, Reported, Incarnation) = (other.Id, other.Members, other.Reported, other.Incarnation);
        (Shard, State, PreferredLeader, Changed) = (other.Shard, other.State, other.PreferredLeader, other.Changed);
    }

    public PgId Id { get; init; }

    /// <summary>The target: who should hold a replica. The PG's own log decides who does.</summary>
    public IReadOnlyList<PgMember> Members { get; init; } = [];

    /// <summary>The newest configuration that its leader reported; null = the members were never changed.</summary>
    public PgMembership? Reported { get; init; }

    /// <summary>Tells this PG from an earlier one under the same id; from a durable counter, never re-used.</summary>
    public ulong Incarnation { get; init; }

    /// <summary>The shard that it lives on, on every one of its OSDs.</summary>
    public int Shard { get; init; }

    public PgState State { get; init; }

    /// <summary>The member that should lead when it can, so that leaders are spread.</summary>
    public OsdId PreferredLeader { get; init; }

    /// <summary>Revision of the last change of this record: the PG's own epoch.</summary>
    public Epoch Changed { get; init; }

    /// <summary>Who votes, as far as it was reported.</summary>
    public IReadOnlyList<PgMember> Voters => Reported?.Voters ?? Members;

    /// <summary>The members that were reported are those of the target, and nothing is under way.</summary>
    public bool IsSettled => Reported is null || (Reported.IsSettled && PgMembership.IsSameSet(Reported.Voters, Members));

    /// <summary>Voters that make a majority.</summary>
    public int Majority => (Voters.Count / 2) + 1;

    /// <summary>Everybody who holds a replica or should: the target, then who else was reported. Each once.</summary>
    public IReadOnlyList<PgMember> Holders => _holders ??= Reported is null ? Members : FindHolders();

    /// <summary>Whether the OSD, with this device, holds a replica or should.</summary>
    public bool Has(OsdId osd, Guid device) => PgMembership.Contains(Holders, new PgMember(osd, device));

    /// <summary>Whether the OSD holds a replica or should.</summary>
    public bool Has(OsdId osd)
    {
        IReadOnlyList<PgMember> holders = Holders;
        for (int i = 0; i < holders.Count; i++)
        {
            if (holders[i].Osd == osd) { return true; }
        }
        return false;
    }

    /// <summary>Whether the target names it.</summary>
    public bool IsTarget(PgMember member) => PgMembership.Contains(Members, member);

    /// <summary>Whether it takes part, as far as was reported: as a voter or as a learner.</summary>
    public bool IsReported(PgMember member) => Reported?.Has(member) ?? IsTarget(member);

    /// <returns>False when the bytes are no valid record.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, Epoch changed, out PgInfo info)
    {
        info = new PgInfo();
        if (!ProtoReader.TryParse(PgRecord.Parser, bytes, out PgRecord record)) { return false; }
        if (record.Pool is 0 or > ClusterLimits.MaxPools || record.Number >= ClusterLimits.MaxPgsPerPool) { return false; }
        if (record.Shard >= ClusterLimits.MaxShards || record.Members.Count == 0) { return false; }
        if (!PgMembership.TryReadMembers(record.Members, out PgMember[] members)) { return false; }
        PgMembership? reported = null;
        if (record.Reported is not null && !PgMembership.TryRead(record.Reported, out reported)) { return false; }
        info = new PgInfo
        {
            Id = new PgId(new PoolId(record.Pool), record.Number),
            Members = members,
            Reported = reported,
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
            Reported = Reported?.ToRecord(),
        };
        PgMembership.AddMembers(record.Members, Members);
        return record.ToByteArray();
    }

    private List<PgMember> FindHolders()
    {
        List<PgMember> holders = [.. Members];
        foreach (IReadOnlyList<PgMember> set in new[] { Reported!.Voters, Reported.Outgoing, Reported.Learners })
        {
            foreach (PgMember member in set)
            {
                if (!PgMembership.Contains(holders, member)) { holders.Add(member); }
            }
        }
        return holders;
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Google.Protobuf.Collections;

namespace Fastblock.Roles.Cluster;

/// <summary>A configuration that the log of a PG has committed, as its leader reported it. Its index orders configurations: a
/// later one has a greater one.</summary>
/// <param name="Term">Of the leader that reported it.</param>
/// <param name="Index">Of the log entry that brought it; 0 = the founding one.</param>
internal sealed record PgMembership(ulong Term, ulong Index)
{
    public IReadOnlyList<PgMember> Voters { get; init; } = [];

    /// <summary>Not empty = a joint one: the voters that are being left.</summary>
    public IReadOnlyList<PgMember> Outgoing { get; init; } = [];

    public IReadOnlyList<PgMember> Learners { get; init; } = [];

    /// <summary>Nothing is under way: no joint configuration, no learners.</summary>
    public bool IsSettled => Outgoing.Count == 0 && Learners.Count == 0;

    public bool Has(PgMember member) => Contains(Voters, member) || Contains(Outgoing, member) || Contains(Learners, member);

    /// <summary>The same members in the same roles, whenever that was.</summary>
    public bool HasSameMembers(PgMembership other) =>
        IsSameSet(Voters, other.Voters) && IsSameSet(Outgoing, other.Outgoing) && IsSameSet(Learners, other.Learners);

    /// <returns>False when there is no voter, or an id or uuid is out of bounds.</returns>
    public static bool TryRead(PgMembershipRecord record, out PgMembership membership)
    {
        membership = new PgMembership(record.Term, record.Index);
        if (record.Voters.Count == 0) { return false; }
        if (!TryReadMembers(record.Voters, out PgMember[] voters)) { return false; }
        if (!TryReadMembers(record.Outgoing, out PgMember[] outgoing)) { return false; }
        if (!TryReadMembers(record.Learners, out PgMember[] learners)) { return false; }
        membership = membership with { Voters = voters, Outgoing = outgoing, Learners = learners };
        return true;
    }

    public PgMembershipRecord ToRecord()
    {
        PgMembershipRecord record = new() { Term = Term, Index = Index };
        AddMembers(record.Voters, Voters);
        AddMembers(record.Outgoing, Outgoing);
        AddMembers(record.Learners, Learners);
        return record;
    }

    public static bool Contains(IReadOnlyList<PgMember> members, PgMember member)
    {
        for (int i = 0; i < members.Count; i++)
        {
            if (members[i] == member) { return true; }
        }
        return false;
    }

    /// <summary>Whether two lists without repetitions name the same, in any order.</summary>
    public static bool IsSameSet(IReadOnlyList<PgMember> a, IReadOnlyList<PgMember> b)
    {
        if (a.Count != b.Count) { return false; }
        for (int i = 0; i < a.Count; i++)
        {
            if (!Contains(b, a[i])) { return false; }
        }
        return true;
    }

    internal static bool TryReadMembers(RepeatedField<PgMemberRecord> records, out PgMember[] members)
    {
        members = [];
        if (records.Count > 2 * ClusterLimits.MaxReplicas) { return false; }
        PgMember[] read = new PgMember[records.Count];
        for (int i = 0; i < read.Length; i++)
        {
            if (records[i].Osd >= ClusterLimits.MaxOsds || !UuidBytes.TryRead(records[i].DeviceUuid, out Guid device)) { return false; }
            read[i] = new PgMember(new OsdId(records[i].Osd), device);
        }
        members = read;
        return true;
    }

    internal static void AddMembers(RepeatedField<PgMemberRecord> records, IReadOnlyList<PgMember> members)
    {
        foreach (PgMember member in members)
        {
            records.Add(new PgMemberRecord { Osd = member.Osd.Value, DeviceUuid = UuidBytes.ToBytes(member.Device) });
        }
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Osd;

/// <summary>The PG's part of the report to the monitors.</summary>
internal sealed partial class PgReplica
{
    private (PgRole Role, ulong Term, bool Durable, ulong Members, int Freed, ulong Config, long Used) _reported;

    /// <summary>End of the last scrub, objects of the present one, damaged blocks, and those that cannot be repaired.</summary>
    private (long Scrubbed, ulong Objects, ulong Damaged, ulong Unrepairable) _reportedHealth;

    /// <summary>Epoch of the newest record of the map that this replica went by: older ones have no effect on it.</summary>
    public ulong CreatedEpoch { get; set; }

    /// <summary>In the shard's list of PGs to pump.</summary>
    public bool IsPumpQueued { get; set; }

    /// <param name="always">Also when nothing but indexes and space changed since the last report.</param>
    /// <returns>Null = nothing to tell.</returns>
    public PgStat? MakeStat(bool always)
    {
        if (Group is null) { return null; }
        Span<NodeId> seen = stackalloc NodeId[ReplicationLimits.MaxMembers];
        int count = Group.CopyMembersSeen(seen);
        ulong members = 0;
        for (int i = 0; i < count; i++) { members = unchecked((members * 31) + seen[i].Value + 1); }
        // While members change, all that people want to see moving is told, too.
        long used = IsMoving ? _shard.Objects.UsedBytesOf(Id) : 0;
        (PgRole, ulong, bool, ulong, int, ulong, long) now =
            (Role, Group.Term.Value, IsDurable, members, _purged.Count + _cuts, Group.CommittedMembersIndex.Value, used);
        (ulong damaged, ulong hopeless) = _shard.Repairs.CountOf(Id);
        (long Scrubbed, ulong Objects, ulong Damaged, ulong Unrepairable) health = (Scrub.FinishedMillis, Scrub.Objects, damaged, hopeless + _shard.Scrubs.DifferentIn(Id));
        if (!always && now == _reported && health == _reportedHealth) { return null; }
        _reported = now;
        _reportedHealth = health;
        PgStat stat = new()
        {
            Pg = Id.Value,
            Incarnation = Group.Config.Incarnation,
            Role = Role,
            Durable = IsDurable,
            Term = Group.Term.Value,
            Commit = Group.Commit.Value,
            Applied = Group.Applied.Value,
            UsedBytes = _shard.Objects.UsedBytesOf(Id),
            ScrubbedMs = health.Scrubbed,
            ScrubObjects = Group.IsLeader ? health.Objects : 0,
            DamagedBlocks = health.Damaged,
            Unrepairable = health.Unrepairable,
            Joining = !Group.Members.IsMember(_shard.Self),
            Membership = NewMembership(),
        };
        for (int i = 0; i < count; i++) { stat.MembersSeen.Add(seen[i].Value); }
        if (IsServing) { AddFreed(stat); }
        return stat;
    }

    private bool IsMoving => Group!.IsRecovering || Info is { IsSettled: false };

    /// <summary>Leader: the newest configuration that is committed, when the map has not heard of it.</summary>
    private PgMembershipRecord? NewMembership()
    {
        ulong index = Group!.CommittedMembersIndex.Value;
        if (!IsServing || Info is null || index <= (Info.Reported?.Index ?? 0)) { return null; }
        RaftMembers members = Group.CommittedMembers;
        PgMembership membership = new(Group.Term.Value, index)
        {
            Voters = MembersOf(members, members.Voters),
            Outgoing = MembersOf(members, members.Outgoing),
            Learners = MembersOf(members, members.Learners),
        };
        return membership.ToRecord();
    }

    private static PgMember[] MembersOf(RaftMembers members, NodeId[] ids) =>
        Array.ConvertAll(ids, id => new PgMember(new OsdId(id.Value), members.InstanceOf(id)));

    private PgRole Role
    {
        get
        {
            if (Group!.IsCorrupted) { return PgRole.Lost; }
            if (Group.IsRecovering) { return PgRole.CatchingUp; }
            if (Group.IsLeader) { return PgRole.Leader; }
            return Group.LeaderHint.IsNone ? PgRole.Candidate : PgRole.Follower;
        }
    }
}

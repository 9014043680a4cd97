using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Osd;

/// <summary>The PG's part of the report to the monitors, and the purges that the map asks for.</summary>
internal sealed partial class PgReplica
{
    private readonly List<ImageId> _purged = [];
    private readonly List<ImageId> _purging = [];
    private (PgRole Role, ulong Term, bool Durable, ulong Members, int Purged) _reported;

    /// <summary>Epoch of the map that this replica was created by.</summary>
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
        (PgRole, ulong, bool, ulong, int) now = (Role, Group.Term.Value, IsDurable, members, _purged.Count);
        if (!always && now == _reported) { return null; }
        _reported = now;
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
        };
        for (int i = 0; i < count; i++) { stat.MembersSeen.Add(seen[i].Value); }
        if (IsServing)
        {
            foreach (ImageId image in _purged) { stat.PurgedImages.Add(image.Value); }
        }
        return stat;
    }

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

    /// <summary>The leader logs the deletion of images that the map lists as purging; when it is applied, the report says so,
    /// and the monitors forget the image once every PG has reported.</summary>
    public void ProposePurges()
    {
        // Images that the map no longer lists are done everywhere.
        _purged.RemoveAll(image => !IsPurging(image));
        if (!IsServing) { return; }
        foreach (ImageInfo image in _shard.Map.Images)
        {
            if (image.State != ImageState.Purging || image.Pool != Id.Pool) { continue; }
            if (_purged.Contains(image.Id) || _purging.Contains(image.Id)) { continue; }
            ProposePurge(image.Id);
        }
    }

    private bool IsPurging(ImageId id) =>
        _shard.Map.TryGetImage(id, out ImageInfo? image) && image.State == ImageState.Purging;

    private void ProposePurge(ImageId image)
    {
        WriteOp? op = _shard.WriteOps.TryRent();
        if (op is null) { return; } // with the next report
        PgOpHeader header = new() { Kind = PgOpKind.PurgeImage, Image = image.Value };
        op.Begin(this, in header, link: null, tag: 0, 0, 0);
        op.Term = Group!.Term;
        _purging.Add(image);
        Append(op);
        TryStart(op);
    }

    /// <summary>Applied on any replica: whoever leads by then reports it.</summary>
    private void OnImagePurged(ImageId image)
    {
        _ = _purging.Remove(image);
        if (!_purged.Contains(image)) { _purged.Add(image); }
    }
}

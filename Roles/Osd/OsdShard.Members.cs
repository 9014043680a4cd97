using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Osd;

/// <summary>
/// Which replicas this shard holds. The map names a target and what the PG's leader last reported
/// (docs/decisions/membership.md):
/// <code>
///                          in reported               only in the target          in neither
/// no replica here          lost: only reported       made, to join               nothing
/// replica here             gets the target           gets the target             deleted
/// </code>
/// A record of the map counts only if it is not older than the newest one that this replica went by, also before a restart: a monitor
/// that lags must not take anything back.
/// </summary>
internal sealed partial class OsdShard
{
    /// <summary>PGs that name this device as taking part and that are not here: never made anew (they may have voted), only
    /// reported, until their group has let it go.</summary>
    private readonly SortedSet<PgId> _lost = [];

    private readonly List<PgReplica> _toNote = [];

    /// <summary>PGs that the map gives us and that are not here.</summary>
    public IReadOnlyCollection<PgId> Lost => _lost;

    private PgMember OwnMember => new(Identity.Id, Identity.Device);

    private void TakeOver(PgInfo info)
    {
        if (_pgs.TryGetValue(info.Id, out PgReplica? pg))
        {
            _ = _lost.Remove(info.Id);
            if (info.Changed.Value < pg.CreatedEpoch || info.Incarnation < pg.Group!.Config.Incarnation) { return; }
            if (info.Incarnation > pg.Group.Config.Incarnation)
            {
                Drop(pg, "its PG was made anew");
                RetryMapSoon();
                return;
            }
            Follow(pg, info);
            return;
        }
        if (info.State is Cluster.PgState.Creating) { Create(info); }
        else if (!info.IsReported(OwnMember)) { Join(info); }
        else if (Sabotage.Is(SabotageKind.EmptiedDeviceVotes)) { Create(info); }
        else if (_lost.Add(info.Id))
        {
            Reached.Mark("osd: emptied device stays out");
            _log.Error($"pg {info.Id}: this OSD should hold a replica, but its device has none; it stays out of the PG until it has been taken out");
        }
    }

    /// <summary>The replica goes by a record of the map.</summary>
    private void Follow(PgReplica pg, PgInfo info)
    {
        pg.Info = info;
        if (info.Changed.Value > pg.CreatedEpoch)
        {
            pg.CreatedEpoch = info.Changed.Value;
            _toNote.Add(pg);
        }
        pg.Group!.SetPreferredLeader(new NodeId(info.PreferredLeader.Value));
        if (info.State is not Cluster.PgState.Active) { return; }
        pg.Group.SetKnownMembers(new LogIndex(info.Reported?.Index ?? 0));
        pg.Group.SetTarget(MembersOf(info.Members, []));
    }

    /// <summary>The epochs that replicas went by, for after a restart. What does not fit into one batch, or into the log now, is tried
    /// again soon.</summary>
    private void NoteEpochs()
    {
        if (_toNote.Count == 0) { return; }
        Span<byte> key = stackalloc byte[PgKeys.StateBytes];
        Span<byte> meta = stackalloc byte[PgMeta.SizeBytes];
        _metaBatch.Clear();
        int taken = 0;
        for (; taken < _toNote.Count; taken++)
        {
            PgReplica pg = _toNote[taken];
            PgKeys.Meta(pg.Id, key);
            new PgMeta { BlocksPerObject = (uint)pg.BlocksPerObject, CreatedEpoch = pg.CreatedEpoch }.Write(meta);
            if (!_metaBatch.TryPut(key, meta)) { break; }
        }
        if (Kv.Commit(_metaBatch, null, out _) == Errno.None) { _toNote.RemoveRange(0, taken); }
        if (_toNote.Count > 0) { RetryMapSoon(); }
    }

    /// <summary>A replica beside those that exist: empty, and no member before the group's leader has taken it in.</summary>
    private void Join(PgInfo info)
    {
        _ = _lost.Remove(info.Id);
        if (!info.IsTarget(OwnMember) || !Map.TryGetPool(info.Id.Pool, out PoolInfo? pool)) { return; }
        // What an earlier replica left behind must not be taken for this one's.
        PgReplica? pg = TryDropLeftovers(info.Id) ? TryBegin(info, pool) : null;
        if (pg is null)
        {
            RetryMapSoon();
            return;
        }
        PgMembership reported = info.Reported!;
        Errno status = Host.CreateJoining(info.Id, info.Incarnation, new NodeId(info.PreferredLeader.Value), new Term(reported.Term),
            new LogIndex(reported.Index), MembersOf([.. reported.Voters, .. reported.Outgoing], reported.Learners), pg,
            new CreationWaiter(pg), out RaftGroup? group);
        if (status != Errno.None)
        {
            RetryMapSoon();
            return;
        }
        Reached.Mark("osd: replica made to join its group");
        _log.Info($"pg {info.Id}: a replica is made here");
        pg.Group = group;
        _pgs.Add(info.Id, pg);
        Follow(pg, info);
    }

    /// <summary>The map names this device no more. Its replica goes when what was reported is not older than what its own log knows: a
    /// later configuration may have taken it in again.</summary>
    private void Leave(PgInfo info)
    {
        _ = _lost.Remove(info.Id);
        if (!_pgs.TryGetValue(info.Id, out PgReplica? pg) || info.Changed.Value <= pg.CreatedEpoch) { return; }
        bool isOther = info.Incarnation > pg.Group!.Config.Incarnation;
        bool isTold = info.Incarnation == pg.Group.Config.Incarnation && (info.Reported?.Index ?? 0) >= pg.Group.MembersIndex.Value;
        if (!isOther && !isTold) { return; }
        Reached.Mark("osd: replica deleted that its group has let go");
        Drop(pg, "it is held by other OSDs now");
    }

    private static RaftMembers MembersOf(IReadOnlyList<PgMember> voters, IReadOnlyList<PgMember> learners)
    {
        return new RaftMembers(Pairs(voters), Pairs(learners));

        static (NodeId, Guid)[] Pairs(IReadOnlyList<PgMember> members)
        {
            List<(NodeId, Guid)> pairs = [];
            foreach (PgMember member in members)
            {
                NodeId id = new(member.Osd.Value);
                if (!pairs.Exists(pair => pair.Item1 == id)) { pairs.Add((id, member.Device)); }
            }
            return [.. pairs];
        }
    }
}

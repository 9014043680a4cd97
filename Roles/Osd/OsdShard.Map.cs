using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Kv;

namespace Fastblock.Roles.Osd;

/// <summary>What the cluster map makes a shard do: create replicas of new PGs, tell where peers are, drop deleted pools and
/// images. The map proposes; what a PG's replicas really are is in their own logs.</summary>
internal sealed partial class OsdShard
{
    private readonly List<(PgId Id, ulong CreatedEpoch)> _leftovers = [];
    private readonly KvBatch _metaBatch = new();

    /// <summary>What the map last said about this OSD, before its restart; null = never heard.</summary>
    public OsdInfo? LastSelf { get; private set; }

    /// <summary>The monitors of that time: those of the settings may all have been replaced since.</summary>
    public IReadOnlyList<MonInfo> LastMons { get; private set; } = [];

    /// <summary>The mirror has moved on. Compares everything: a shard holds some hundred PGs, and maps change rarely.</summary>
    public void OnMapChanged()
    {
        TellPeers();
        foreach (PgInfo info in Map.Pgs)
        {
            if (info.Shard != Index) { continue; }
            if (info.Has(Identity.Id, Identity.Device)) { TakeOver(info); }
            else { Leave(info); }
        }
        NoteEpochs();
        DropDeleted();
        foreach (PgReplica pg in _pgs.Values) { pg.ProposePurges(); }
    }

    private void TellPeers()
    {
        if (Map.Cluster is { } cluster) { Remember(OsdKeys.Cluster, cluster.ToBytes()); }
        foreach (OsdInfo osd in Map.Osds)
        {
            if (osd.ClusterAddress is null) { continue; }
            RememberPeer(osd);
            if (osd.Id != Identity.Id) { Host.SetPeerAddress(new NodeId(osd.Id.Value), osd.ClusterAddress, osd.Device); }
        }
    }

    /// <summary>Addresses are kept on the device: after a power cut PGs find their peers although no monitor answers.</summary>
    private void RememberPeer(OsdInfo osd)
    {
        Span<byte> key = stackalloc byte[OsdKeys.PeerBytes];
        OsdKeys.Peer(osd.Id, key);
        Remember(key, osd.ToBytes());
    }

    private void Remember(ReadOnlySpan<byte> key, byte[] bytes)
    {
        if (Kv.TryGet(key, out ReadOnlySpan<byte> stored) && stored.SequenceEqual(bytes)) { return; }
        _metaBatch.Clear();
        // Lost or refused, it is only a convenience: the next change of the map brings it again.
        _ = _metaBatch.TryPut(key, bytes);
        _ = Kv.Commit(_metaBatch, null, out _);
    }

    private void RecallPeers()
    {
        if (Kv.TryGet(OsdKeys.Cluster, out ReadOnlySpan<byte> stored) && ClusterInfo.TryRead(stored, default, out ClusterInfo cluster))
        {
            LastMons = cluster.Mons;
        }
        KvScan scan = Kv.Scan(OsdKeys.PeerPrefix);
        while (scan.Next())
        {
            if (!OsdInfo.TryRead(scan.Value, default, out OsdInfo osd) || osd.ClusterAddress is null) { continue; }
            if (osd.Id == Identity.Id) { LastSelf = osd; }
            else
            {
                Host.SetPeerAddress(new NodeId(osd.Id.Value), osd.ClusterAddress, osd.Device);
            }
        }
    }

    private void Create(PgInfo info)
    {
        if (!Map.TryGetPool(info.Id.Pool, out PoolInfo? pool)) { return; } // comes with a later change
        PgReplica? pg = TryBegin(info, pool);
        if (pg is null)
        {
            RetryMapSoon();
            return;
        }
        GroupMember[] voters = new GroupMember[info.Members.Count];
        for (int i = 0; i < voters.Length; i++)
        {
            voters[i] = new GroupMember(new NodeId(info.Members[i].Osd.Value), info.Members[i].Device);
        }
        GroupConfig config = new()
        {
            Incarnation = info.Incarnation,
            Voters = voters,
            Preferred = new NodeId(info.PreferredLeader.Value),
        };
        Errno status = Host.CreateGroup(info.Id, config, pg, new CreationWaiter(pg), out RaftGroup? group);
        if (status != Errno.None)
        {
            _log.Warn($"pg {info.Id}: cannot be created now ({status}), will be tried again");
            RetryMapSoon();
            return;
        }
        pg.Group = group;
        _pgs.Add(info.Id, pg);
    }

    /// <summary>One log: the record about the PG is durable before the group that it describes.</summary>
    /// <returns>The replica, still without its group; null = the log has no room now.</returns>
    private PgReplica? TryBegin(PgInfo info, PoolInfo pool)
    {
        int blocks = pool.ObjectBytes / Units.BlockBytes;
        Span<byte> key = stackalloc byte[PgKeys.StateBytes];
        PgKeys.Meta(info.Id, key);
        Span<byte> meta = stackalloc byte[PgMeta.SizeBytes];
        new PgMeta { BlocksPerObject = (uint)blocks, CreatedEpoch = info.Changed.Value }.Write(meta);
        _metaBatch.Clear();
        _ = _metaBatch.TryPut(key, meta);
        return Kv.Commit(_metaBatch, null, out _) == Errno.None
            ? new PgReplica(this, info.Id, blocks) { Info = info, CreatedEpoch = info.Changed.Value } : null;
    }

    /// <summary>Pools that are gone: a PG is dropped only on the word of a map that is newer than the PG itself.</summary>
    private void DropDeleted()
    {
        List<PgReplica>? gone = null;
        foreach (PgReplica pg in _pgs.Values)
        {
            if (!Map.TryGetPg(pg.Id, out _) && Map.Epoch.Value > pg.CreatedEpoch) { (gone ??= []).Add(pg); }
        }
        foreach (PgReplica pg in gone ?? []) { Drop(pg, "its pool was deleted"); }
        for (int i = _leftovers.Count - 1; i >= 0; i--)
        {
            (PgId id, ulong createdEpoch) = _leftovers[i];
            // What is named here is lost, or cleared away when a replica is made anew.
            if (Map.Epoch.Value <= createdEpoch || (Map.TryGetPg(id, out PgInfo? pg) && pg.Has(Identity.Id, Identity.Device))) { continue; }
            if (!_pgs.ContainsKey(id)) { _ = TryDropLeftovers(id); }
            _leftovers.RemoveAt(i);
        }
    }

    /// <summary>Notes PGs of which something is there, but not their log: a crash in the middle of a removal left it, or a
    /// hand-over that went on when the PG was removed. Without its creation record any map that knows nothing of the PG
    /// decides: the replica can only be made anew, and empty.</summary>
    private void FindLeftovers()
    {
        SortedDictionary<PgId, ulong> found = [];
        KvScan scan = Kv.Scan("p"u8);
        while (scan.Next())
        {
            if (!PgKeys.TryReadPg(scan.Key, out PgId id) || _pgs.ContainsKey(id)) { continue; }
            bool isMeta = PgKeys.TryReadMeta(scan.Key, out _) & PgMeta.TryRead(scan.Value, out PgMeta meta);
            found[id] = Math.Max(found.GetValueOrDefault(id), isMeta ? meta.CreatedEpoch : 0);
        }
        foreach (PgId id in Objects.LoadedGroups)
        {
            if (!_pgs.ContainsKey(id) && !found.ContainsKey(id)) { found.Add(id, 0); }
        }
        foreach ((PgId id, ulong createdEpoch) in found) { _leftovers.Add((id, createdEpoch)); }
    }

    private void Drop(PgReplica pg, string why)
    {
        if (Host.RemoveGroup(pg.Id, null) != Errno.None)
        {
            RetryMapSoon();
            return;
        }
        _ = _pgs.Remove(pg.Id, out _);
        _ = _toNote.RemoveAll(other => other == pg);
        _removedPgs.Add(pg.Id);
        pg.OnRemoved();
        // What does not fit now, or into a full log, leaves records that the next start finds and drops.
        _ = TryDropLeftovers(pg.Id);
        _log.Info($"pg {pg.Id}: {why}; the replica is removed");
    }

    /// <summary>What a PG leaves behind beside its log.</summary>
    /// <returns>False when something is left: the log has no room now.</returns>
    private bool TryDropLeftovers(PgId id)
    {
        Objects.DeleteGroup(id);
        Span<byte> prefix = stackalloc byte[PgKeys.PrefixBytes];
        PgKeys.Prefix(id, prefix);
        while (true)
        {
            _metaBatch.Clear();
            KvScan scan = Kv.Scan(prefix);
            while (scan.Next() && _metaBatch.TryDelete(scan.Key)) { }
            if (_metaBatch.Count == 0) { return true; }
            if (Kv.Commit(_metaBatch, null, out _) != Errno.None) { return false; }
        }
    }

    private void RetryMapSoon() => Reactor.Arm(_retryMap, Reactor.NowNanos + (50 * Units.NanosPerMilli));

    /// <summary>The new replica is durable: from now on it votes, and the next report says so.</summary>
    private sealed class CreationWaiter(PgReplica pg) : IProposalWaiter
    {
        public void OnCommitted(LogIndex index) => pg.IsDurable = true;

        public void OnDropped(LogIndex index) { }
    }

    private sealed class RetryMapTimer(OsdShard shard) : TimerEntry
    {
        public override void OnTimer(long nowNanos) => shard.OnMapChanged();
    }
}

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

// Which contents are the right ones? Another replica answers from a state that has applied at least what this one had when it
// asked, and says which version of the object that was. The asker waits until it has applied as much, and looks whether its
// own block still is where it was: then nothing has changed the block between the two states, so the replica's contents are
// those that the damaged copy should have. Whoever cannot be sure asks again. Beyond that the contents must match the
// checksum that this replica has kept, if it has.
internal sealed partial class BlockRepair : IChecksumSource
{
    /// <summary>How long to wait until what another replica has applied is applied here.</summary>
    private const int AppliedTries = 200;

    private readonly SortedDictionary<uint, RepairLink> _links = [];

    /// <summary>Gets a block's contents from another replica.</summary>
    /// <param name="place">Where the damaged copy is.</param>
    /// <param name="crc">What it should be, if that is known.</param>
    /// <returns>None and the checksum, which is another one than expected when two replicas agree on it: then it is the checksum that is
    /// damaged here. Stale = the block has changed meanwhile: look again; BadMessage = every other replica's copy is
    /// damaged as well, or says something else; NotConnected = at least one could not be asked; Canceled.</returns>
    public async ReactorTask<(Errno Status, uint Crc)> FetchBlockAsync(
        PgReplica pg, ObjectId obj, int block, BlockPlace place, uint? crc, PooledBuffer into, int offset)
    {
        bool isComplete = pg.Info is not null; // after a restart it takes a moment to know the others
        uint? contradicted = null;
        foreach (OsdId peer in PeersOf(pg))
        {
            (Errno status, RepairCall call) = await AskAsync(pg, peer, RepairOp.Block, obj, block);
            if (status is Errno.None) { status = await CatchUpAsync(pg, call.Version); }
            if (IsGone(pg)) { status = Errno.Canceled; }
            else if (!Sabotage.Is(SabotageKind.RepairFromAnotherVersion))
            {
                if (_shard.Objects.Locate(pg.Id, obj, block) != place) { status = Errno.Stale; }
                else if (status is Errno.None && crc is { } wanted && wanted != call.Crc && contradicted != call.Crc)
                {
                    contradicted ??= call.Crc;
                    status = Errno.BadMessage;
                }
            }
            if (status is Errno.None)
            {
                Reached.Mark("osd: block taken from another replica");
                call.Payload!.Span(0, Units.BlockBytes).CopyTo(into.Span(offset, Units.BlockBytes));
                if (Crc32C.Compute(into.Span(offset, Units.BlockBytes)) != call.Crc) { status = Errno.Again; }
            }
            call.Release();
            if (status is Errno.None or Errno.Canceled) { return (status, call.Crc); }
            if (status is Errno.Stale && !IsGone(pg) && _shard.Objects.Locate(pg.Id, obj, block) != place) { return (status, 0); }
            isComplete &= status is Errno.BadMessage or Errno.Io;
        }
        return (isComplete ? Errno.BadMessage : Errno.NotConnected, 0);
    }

    /// <inheritdoc/>
    public async ReactorTask<ulong> FetchChecksumsAsync(PgId group, ObjectId obj, uint[] page)
    {
        if (!_shard.TryGetPg(group, out PgReplica? pg) || pg.Group is null) { return 0; }
        foreach (OsdId peer in PeersOf(pg))
        {
            // A leader's state is consistent at any time. A follower that was supplied anew a moment ago may have blocks that are
            // newer than it says; its leader has applied all of them, so only the leader may ask it.
            if (!pg.Group.IsLeader && pg.Group.LeaderHint != new NodeId(peer.Value)) { continue; }
            (Errno status, RepairCall call) = await AskAsync(pg, peer, RepairOp.Checksums, obj, 0);
            if (status is Errno.None) { status = await CatchUpAsync(pg, call.Version); }
            if (status is Errno.None)
            {
                MemoryMarshal.Cast<byte, uint>(call.Payload!.Span(0, Units.BlockBytes)).CopyTo(page);
            }
            call.Release();
            if (IsGone(pg)) { return 0; }
            if (status is Errno.None) { return call.Version; }
        }
        return 0;
    }

    /// <summary>The checksums of all blocks of an object here.</summary>
    /// <returns>None and the version that they are of, 0 = no such object; else its checksum page cannot be read.</returns>
    public async ReactorTask<(Errno Status, ulong Version)> CopyChecksumsAsync(PgId group, ObjectId obj, PooledBuffer into)
    {
        AwaitedRead? read = null;
        while (true)
        {
            Span<uint> crcs = MemoryMarshal.Cast<byte, uint>(into.Span(0, Units.BlockBytes));
            if (_shard.Objects.TryCopyCrcs(group, obj, crcs, out ulong version, out int wanted)) { return (Errno.None, version); }
            // Any block brings the page in. Should it be damaged itself, it is noted; the page may be good all the same.
            read ??= new AwaitedRead(_shard.Objects);
            Errno status = await read.RunAsync(group, obj, wanted, 1, into);
            if (status is not Errno.None) { Add(group, obj, wanted); }
            if (!read.KnowsCrcs) { return (status, 0); }
        }
    }

    /// <summary>The other replicas, the leader first, then those that are up.</summary>
    public List<OsdId> PeersOf(PgReplica pg)
    {
        List<OsdId> peers = [];
        if (pg.Info is null || pg.Group is null) { return peers; }
        NodeId leader = pg.Group.LeaderHint;
        for (int pass = 0; pass < 3; pass++)
        {
            foreach (PgMember member in pg.Info.Holders)
            {
                if (member.Osd == _shard.Identity.Id) { continue; }
                bool leads = new NodeId(member.Osd.Value) == leader;
                bool isUp = _shard.Map.TryGetOsd(member.Osd, out OsdInfo? osd) && osd.Up;
                if (pass == (leads ? 0 : isUp ? 1 : 2)) { peers.Add(member.Osd); }
            }
        }
        return peers;
    }

    /// <summary>Asks a replica.</summary>
    /// <param name="applied">What its state must have applied, by default as much as is applied here; or a scrub's mark.</param>
    public ReactorTask<(Errno Status, RepairCall Call)> AskAsync(
        PgReplica pg, OsdId peer, RepairOp op, ObjectId obj, int block, ulong applied = 0)
    {
        if (!_links.TryGetValue(peer.Value, out RepairLink? link))
        {
            link = new RepairLink(_shard, peer);
            _links.Add(peer.Value, link);
        }
        return link.AskAsync(new RepairMessage
        {
            Op = op,
            Pg = pg.Id,
            Incarnation = pg.Group!.Config.Incarnation,
            Object = obj,
            Block = block,
            Applied = applied > 0 ? applied : pg.Group.Applied.Value,
        });
    }

    private async ReactorTask<Errno> CatchUpAsync(PgReplica pg, ulong version)
    {
        for (int i = 0; i < AppliedTries && !IsGone(pg); i++)
        {
            if (pg.Group!.Applied.Value >= version) { return Errno.None; }
            await _shard.Reactor.Delay(Units.NanosPerMilli);
        }
        return Errno.Again;
    }

    private bool IsGone(PgReplica pg) => !_shard.TryGetPg(pg.Id, out PgReplica? now) || now != pg;
}

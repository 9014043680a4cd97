using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Device;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Osd;

/// <summary>
/// One shard: its part of the device, its log and stores, its Raft groups and the PGs on top. Everything here belongs to one
/// reactor's thread; what comes from other threads (the map) is posted. Requests of clients and connections of peers that
/// name this shard arrive here directly.
/// </summary>
internal sealed partial class OsdShard : IIterationHook, IDisposable
{
    private readonly OrderedTable<PgId, PgReplica> _pgs = new();
    private readonly List<PgReplica> _toPump = [];
    private readonly List<PgReplica> _pumping = [];
    private readonly List<ClientLink> _clients = [];
    private readonly OsdOptions _options;
    private readonly IShardOwner _owner;
    private readonly RetryMapTimer _retryMap;
    private ObjectMover? _mover;
    private readonly Log _log;

    public OsdShard(int index, ShardSeat seat, OsdOptions options, OsdIdentity identity, IShardOwner owner, Log log)
    {
        Index = index;
        Reactor = seat.Reactor;
        Transport = seat.Transport;
        Device = seat.Device;
        Identity = identity;
        _options = options;
        _owner = owner;
        _log = log;
        WriteOps = new OpPool<WriteOp>(options.MaxOps, () => new WriteOp(this));
        ReadOps = new OpPool<ReadOp>(options.MaxOps, () => new ReadOp(this));
        _retryMap = new RetryMapTimer(this);
        _reportTimer = new ReportTimer(this);
        Repairs = new BlockRepair(this, log);
        Scrubs = new ScrubDriver(this, options, log);
    }

    public int Index { get; }
    public Reactor Reactor { get; }
    public ITransport Transport { get; }
    public IBlockDevice Device { get; }
    public OsdIdentity Identity { get; }
    public NodeId Self => new(Identity.Id.Value);

    /// <summary>This shard's mirror of the cluster map.</summary>
    public ClusterMap Map { get; } = new();

    public OsdCounters Counters { get; } = new();

    /// <summary>Damaged blocks and their repair.</summary>
    public BlockRepair Repairs { get; }

    public ScrubDriver Scrubs { get; }
    public OpPool<WriteOp> WriteOps { get; }
    public OpPool<ReadOp> ReadOps { get; }
    public KvStore Kv { get; private set; } = null!;
    public ObjectStore Objects { get; private set; } = null!;
    public DiskLog SharedLog { get; private set; } = null!;
    public RaftHost Host { get; private set; } = null!;
    public ShardVolume Volume { get; private set; } = null!;

    /// <summary>By ascending id.</summary>
    public List<PgReplica> Pgs => _pgs.Values;

    /// <summary>Records that were durable once are damaged: see OnCorruption.</summary>
    public int Corruptions { get; private set; }

    /// <summary>Re-used by reports.</summary>
    public List<ImageUsage> UsageScratch { get; } = [];

    public bool TryGetPg(PgId id, [NotNullWhen(true)] out PgReplica? pg) => _pgs.TryGetValue(id, out pg);

    /// <summary>Frees what is not the collector's; the reactor must not run this shard any more.</summary>
    public void Dispose()
    {
        Reactor.RemoveIterationHook(this);
        _mover?.Dispose();
        SharedLog?.FreeMemory();
        Objects?.Dispose();
        Kv?.Dispose();
    }

    /// <summary>One operation of a client.</summary>
    public void OnDataRequest(ClientLink link, in DataRequest request, PooledBuffer? payload)
    {
        if (!_pgs.TryGetValue(request.Pg, out PgReplica? pg))
        {
            link.Answer(new DataReply { Tag = request.Tag, Status = DataStatus.NoSuchPg, Pg = request.Pg, Epoch = Map.Epoch });
            return;
        }
        if (pg.Info is not null && request.Epoch < pg.Info.Changed)
        {
            link.Answer(new DataReply
            {
                Tag = request.Tag,
                Status = DataStatus.StaleEpoch,
                Pg = request.Pg,
                Epoch = pg.Info.Changed,
            });
            return;
        }
        switch (request.Op)
        {
            case DataOp.Read:
            case DataOp.BlockMap:
                pg.OnReadRequest(link, in request);
                break;
            default:
                pg.OnWriteRequest(link, in request, payload);
                break;
        }
    }

    /// <summary>A greeted connection that named this shard.</summary>
    public IConnectionHandler? OnAccepted(IConnection connection)
    {
        switch (connection.PeerHello.Role)
        {
            case PeerRole.Osd when (connection.PeerHello.Features & HandOverMessage.Feature) != 0:
                return new HandOverSink(this, connection);
            case PeerRole.Osd when (connection.PeerHello.Features & RepairMessage.Feature) != 0:
                return new RepairServer(this, connection);
            case PeerRole.Osd:
                return Host.OnPeerConnection(connection);
            default:
                ClientLink link = new(this, connection);
                _clients.Add(link);
                return link;
        }
    }

    public void OnClientClosed(ClientLink link) => _clients.Remove(link);

    /// <summary>The PG has operations that could not be proposed: try again in the next iteration, or when the log has room.</summary>
    public void PumpLater(PgReplica pg)
    {
        if (pg.IsPumpQueued) { return; }
        pg.IsPumpQueued = true;
        _toPump.Add(pg);
        // Without other events the loop would sleep: the log's cleaner or a window may take a while.
        if (!_pumpTimer.IsArmed) { Reactor.Arm(_pumpTimer, Reactor.NowNanos + PumpNanos); }
    }

    public void OnIterationEnd()
    {
        Host.IsStoreFull = IsFull;
        if (_beyondRoomBytes > 0 && Objects.FreeBytes > 0) { _beyondRoomBytes = 0; } // all that was taken has its room again
        if (_toPump.Count == 0) { return; }
        _pumping.AddRange(_toPump);
        _toPump.Clear();
        foreach (PgReplica pg in _pumping)
        {
            pg.IsPumpQueued = false;
            pg.OnIteration();
        }
        _pumping.Clear();
    }

    /// <summary>Brings every block home that is in the log only as of now. Not cheap, and seldom: for a hand-over. What other PGs
    /// write meanwhile is left alone, else it would have no end, and the cleaner waits for it.</summary>
    public async ReactorTask<Errno> MoveAllHomeAsync()
    {
        List<LogRange> used = [];
        while (true)
        {
            used.Clear(); // the cleaner may have been at it
            SharedLog.CollectUsed(used);
            Errno status = await _mover!.MoveHomeAsync(used);
            if (status != Errno.Busy) { return status; }
            await Reactor.Delay(Units.NanosPerMilli); // the cleaner is at it
        }
    }

    /// <summary>Brings the objects home that have blocks in a part of the log, for the repair of one that is damaged there.</summary>
    /// <returns>Busy = the cleaner is at it.</returns>
    public ReactorTask<Errno> MoveHomeAsync(LogRange range) => _mover!.MoveHomeAsync([range]);

    /// <summary>A write to the device failed: nothing that this shard still says can be trusted to last.</summary>
    public void OnDeviceFailed(Errno status) => _owner.OnShardFailed(Index, status);

    /// <summary>Says and does nothing more: peers and clients turn to others.</summary>
    public void GoQuiet()
    {
        Repairs.Stop();
        Scrubs.Stop();
        Host.Stop();
        for (int i = _clients.Count - 1; i >= 0; i--) { _clients[i].Close(); }
    }

    /// <summary>Too full for new data: refused before it is proposed, so that the log stays free for what makes room.</summary>
    public bool IsFull => Objects.FreeBytes < FullReserveBytes;

    public void OnPgCorrupted(PgReplica pg)
    {
        Reached.Mark("osd: replica with a damaged log stays out");
        _log.Error($"pg {pg.Id}: the log lost records of it; this replica takes no part until it is supplied anew");
    }

    public void OnHandOverBegins(PgReplica pg, NodeId peer) =>
        _log.Info($"pg {pg.Id}: hands its state over to osd.{peer.Value}, which the log no longer reaches");

    public void OnHandOverEnded(PgReplica pg, NodeId peer, Errno status)
    {
        if (status == Errno.None)
        {
            Reached.Mark("osd: state handed over");
            _log.Info($"pg {pg.Id}: osd.{peer.Value} has the state");
        }
        else { _log.Warn($"pg {pg.Id}: the hand-over to osd.{peer.Value} stopped ({status}), it will go on where it was"); }
    }

    /// <summary>May a follower take an entry for whose blocks the store has no room? They stay in the log, which is not cleaned
    /// beyond them until a trim has made room, so they may fill a small part of it only.</summary>
    public bool TakesBeyondRoom(int bytes)
    {
        if (_beyondRoomBytes + bytes > SharedLog.TotalBytes / BeyondRoomParts) { return false; }
        _beyondRoomBytes += bytes;
        return true;
    }

    /// <summary>It was not taken after all.</summary>
    public void GiveBackBeyondRoom(int bytes) => _beyondRoomBytes = Math.Max(0, _beyondRoomBytes - bytes);

    /// <summary>Part of the log that entries beyond the store's room may take: less than what the cleaner leaves free, so that
    /// terms, votes and trims still find their place.</summary>
    internal const int BeyondRoomParts = 16;

    private long _beyondRoomBytes;

    /// <summary>Free space that writes never take: metadata, trim and deletion still work when the device is full.</summary>
    private long FullReserveBytes => Math.Max(4 * Units.MiB, Objects.TotalBytes / 50);

    private const long PumpNanos = 2 * Units.NanosPerMilli;
    private readonly PumpTimer _pumpTimer = new();

    /// <summary>Only wakes the loop: the pump itself runs at the end of the iteration.</summary>
    private sealed class PumpTimer : TimerEntry
    {
        public override void OnTimer(long nowNanos) { }
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Device;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Osd;

/// <summary>From the device to a working shard, and back. Replays the log, lays the entries over the objects that may not be
/// home yet, opens every PG; nobody is asked and nothing is answered before that is done.</summary>
internal sealed partial class OsdShard
{
    private readonly ReportTimer _reportTimer;

    /// <summary>Opens the shard's part of the device. Runs on the shard's reactor.</summary>
    /// <returns>Null, or for the operator what is wrong with the device.</returns>
    public async ReactorTask<string?> StartAsync(VolumeLabel label)
    {
        Reactor.Buffers.GuaranteeShares();
        DevicePartition part = new(Reactor, Device, label.PartOffset(Index), label.PartBytes);
        ShardVolumeResult volume = await ShardVolume.OpenAsync(Reactor, part, label, Index);
        if (volume.Status != VolumeStatus.Ok) { return volume.Text; }
        Volume = volume.Volume!;
        Kv = new KvStore();
        RaftReplay replay = new();
        LogOpenResult opened = await DiskLog.OpenAsync(Reactor, Volume, _options.Log, replay, Kv);
        if (opened.Status != Errno.None) { return opened.Text; }
        SharedLog = opened.Log!;
        NoteDamage(replay);
        Objects = new ObjectStore(Reactor, Volume, Kv) { ChecksumSource = Repairs, DamageSink = Repairs, OnWriteFailed = OnDeviceFailed };
        _mover = new ObjectMover(Objects);
        ObjectLoadResult loaded = Objects.Load();
        if (loaded.Damaged > 0)
        {
            Corruptions += (int)loaded.Damaged;
            _log.Error($"shard {Index}: {loaded.Damaged} object records are damaged; run fastblock fsck");
        }
        Host = new RaftHost(Reactor, Transport, SharedLog, Kv, replay, HostOptions(), Reactor.Prng.Fork(), _log)
        {
            OnFailed = status => _owner.OnShardFailed(Index, status),
        };
        Errno settled = await Host.SettleDamageAsync();
        if (settled != Errno.None) { return $"shard {Index}: the log cannot be written ({settled})"; }
        string? wrong = OpenGroups();
        if (wrong is not null) { return wrong; }
        FindLeftovers();
        SharedLog.StartCleaner(Host, _mover);
        Reactor.AddIterationHook(this);
        RecallPeers();
        Host.Start();
        Scrubs.Start();
        Reactor.Arm(_reportTimer, Reactor.NowNanos);
        return null;
    }

    /// <summary>The replay keeps what was lost; the groups concerned open as damaged.</summary>
    private void NoteDamage(RaftReplay replay)
    {
        foreach (LogCorruption corruption in replay.Corruptions)
        {
            Corruptions++;
            _log.Error($"shard {Index}: the log is damaged: {corruption}");
        }
    }

    private RaftHostOptions HostOptions() => new()
    {
        Self = Self,
        Instance = Identity.Device,
        Role = PeerRole.Osd,
        Cluster = Identity.Cluster,
        Shard = (ushort)Index,
        ElectionTimeoutNanos = _options.ElectionTimeoutNanos,
        HeartbeatNanos = _options.RaftHeartbeatNanos,
        Lease = _options.Lease,
    };

    private string? OpenGroups()
    {
        Span<byte> key = stackalloc byte[PgKeys.StateBytes];
        foreach (StoredGroup stored in Host.Stored)
        {
            PgKeys.Meta(stored.Id, key);
            if (!Kv.TryGet(key, out ReadOnlySpan<byte> bytes) || !PgMeta.TryRead(bytes, out PgMeta meta))
            {
                return $"shard {Index}: pg {stored.Id} has a log but no creation record";
            }
            PgReplica pg = new(this, stored.Id, (int)meta.BlocksPerObject)
            {
                CreatedEpoch = meta.CreatedEpoch,
                IsDurable = true,
            };
            if (!pg.TryLoadState(Kv)) { return $"shard {Index}: the stored state of pg {stored.Id} cannot be read"; }
            Errno status = Host.OpenGroup(stored, pg, new LogIndex(pg.State.Applied), out RaftGroup? group);
            if (status != Errno.None) { return $"shard {Index}: pg {stored.Id} cannot be opened ({status})"; }
            pg.Group = group;
            _pgs.Add(stored.Id, pg);
        }
        return null;
    }

    /// <summary>A clean end: no more requests, and the log knows that all before is durable.</summary>
    public async ReactorTask StopAsync()
    {
        Reactor.Disarm(_reportTimer);
        Reactor.Disarm(_retryMap);
        Repairs.Stop();
        Scrubs.Stop();
        Host.Stop();
        for (int i = _clients.Count - 1; i >= 0; i--) { _clients[i].Close(); }
        _ = await SharedLog.CloseAsync();
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Osd;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>One shard of an OSD without anything around it: the test is the map, and gets the reports.</summary>
internal sealed class OneShard : IShardOwner, IDisposable
{
    private readonly Guid _cluster = new(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    private readonly Guid _device = new(2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    private readonly SimHost _host;
    private readonly SimDisk _disk;
    private bool _isFormatted;

    public OneShard(ulong seed)
    {
        Sim = new SimWorld(seed);
        _host = Sim.AddHost("osd");
        _disk = _host.AddDisk(96 * Units.MiB);
    }

    /// <summary>The only PG of the pool that <see cref="PutPool"/> makes.</summary>
    public static PgId Pg => new(new PoolId(1), 0);

    public SimWorld Sim { get; }
    public OsdShard? Shard { get; private set; }
    public List<ShardReport> Reports { get; } = [];

    public void Start()
    {
        Shard = null;
        SimSeat seat = _host.Start().Seats[0];
        seat.Do(() => OpenAsync(seat).Forget());
        Require(() => Shard is not null, "the shard opens");
    }

    public void Kill() => _host.Kill();

    /// <summary>Runs it inside the shard's loop, now.</summary>
    public void Do(Action<OsdShard> action)
    {
        bool done = false;
        _host.Process!.Seats[0].Do(() =>
        {
            action(Shard!);
            done = true;
        });
        Require(() => done, "the loop turns");
    }

    public void Require(Func<bool> condition, string what)
    {
        if (!Sim.RunUntil(condition, 20 * Units.NanosPerSecond)) { throw new SimFailure($"not within 20 s: {what}"); }
    }

    /// <summary>A pool of one PG with a replica here; waits until it serves, if it is the only one, else until it is there.</summary>
    public void PutPool(uint replicas = 1)
    {
        List<PgMember> members = [new PgMember(new OsdId(0), _device)];
        for (uint i = 1; i < replicas; i++) { members.Add(new PgMember(new OsdId(i), new Guid(7, (short)i, 3, 4, 5, 6, 7, 8, 9, 10, 11))); }
        PoolInfo pool = new() { Id = Pg.Pool, Name = "pool", Replicas = (int)replicas, PgCount = 1, ObjectBytes = (int)(4 * Units.MiB) };
        PgInfo pg = new()
        {
            Id = Pg,
            Members = members,
            Incarnation = 7,
            State = PgState.Creating,
        };
        Do(shard =>
        {
            Put(shard, MapKeys.Pool(pool.Id), pool.ToBytes(), 5);
            Put(shard, MapKeys.Pg(pg.Id), pg.ToBytes(), 6);
            shard.OnMapChanged();
        });
        Require(() => Shard!.TryGetPg(Pg, out PgReplica? replica) && (replicas == 1 ? replica.Group is { IsReady: true } : replica.IsDurable), "the PG serves");
    }

    public static void Put(OsdShard shard, string key, byte[] value, ulong epoch)
    {
        if (!shard.Map.TryPut(key, value, new Epoch(epoch))) { throw new SimFailure($"the map refuses {key}"); }
    }

    public void OnShardReport(ShardReport report) => Reports.Add(report);

    public void OnShardFailed(int shard, Errno status) => throw new SimFailure($"the shard failed: {status}");

    public ControlReply OnProcessRequest(ControlRequest request) => new();

    public void Dispose() => Sim.Dispose();

    private async ReactorTask OpenAsync(SimSeat seat)
    {
        SimDiskPort device = _disk.Open(seat);
        if (!_isFormatted)
        {
            VolumeResult made = await DeviceVolume.FormatAsync(seat.Reactor, device, new VolumeFormatOptions
            {
                Cluster = _cluster,
                Kind = NodeKind.Osd,
                NodeId = 0,
                Device = _device,
                Shards = 1,
                LogBytes = 16 * Units.MiB,
                SegmentBytes = (int)Units.MiB,
            });
            if (made.Status != VolumeStatus.Ok) { throw new SimFailure(made.Text); }
            _isFormatted = true;
        }
        VolumeResult label = await DeviceVolume.OpenAsync(seat.Reactor, device, new VolumeExpectation { Kind = NodeKind.Osd });
        var options = new OsdOptions
        {
            Mons = [],
            PublicAddress = new NetAddress(_host.Address, 6800),
            ClusterAddress = new NetAddress(_host.Address, 6800),
            MaxOps = 8,
        };
        var shard = new OsdShard(0, new ShardSeat(seat.Reactor, seat.Transport, device), options,
            new OsdIdentity(new OsdId(0), _device, _cluster, 1), this, new Log("osd", _host.Clock, new TraceLog(_host)));
        string? wrong = await shard.StartAsync(label.Label!);
        if (wrong is not null) { throw new SimFailure(wrong); }
        Shard = shard;
    }
}

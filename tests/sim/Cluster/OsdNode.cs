using System;
using System.Collections.Generic;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Osd;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.Groups;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>An OSD's machine: `osd mkfs` at its first start, then the production OsdServer with one reactor per shard.</summary>
internal sealed class OsdNode : ISimNode
{
    private const ushort Port = 6800;

    private readonly ClusterScenario _scenario;
    private readonly SimDisk _disk;
    private Guid _device;
    private uint? _id;
    private bool _formatted;
    private string _wrong = "";
    private SimProcess? _failed;

    public OsdNode(ClusterScenario scenario, int number)
    {
        _scenario = scenario;
        Prng prng = scenario.World.Prng;
        Host = scenario.World.AddHost($"osd{number}", prng.Between(-scenario.Draw.DriftPpm, scenario.Draw.DriftPpm));
        DiskBytes = number < scenario.Draw.SmallOsds ? scenario.Draw.SmallDiskBytes : 96 * Units.MiB;
        _disk = Host.AddDisk(DiskBytes);
        _device = GroupsScenario.NewGuid(prng);
    }

    public SimHost Host { get; }
    public OsdServer? Server { get; private set; }

    /// <summary>It has opened its shards at least once in this life.</summary>
    public bool IsStarted => Host.IsRunning && Server != null;

    /// <summary>It lost its data: its replicas stay out.</summary>
    public bool WasEmptied { get; private set; }

    /// <summary>Its medium is not what was written there: it may answer with errors, stay out of PGs, or refuse to start.</summary>
    public bool IsDamaged { get; set; }

    /// <summary>Why it ended by itself when it last did.</summary>
    public string FailureText { get; private set; } = "";

    public SimDisk Disk => _disk;

    public long DiskBytes { get; }

    /// <summary>Where things are on the device.</summary>
    public VolumeGeometry Geometry
    {
        get
        {
            VolumeStatus status = VolumeGeometry.TryPlan(DiskBytes, Format(), out VolumeGeometry geometry, out string text);
            return status == VolumeStatus.Ok ? geometry : throw new SimFailure(text);
        }
    }

    public void Start()
    {
        SimProcess process = Host.Start(_scenario.Draw.Shards);
        Server = null;
        process.Seats[0].Do(() => StartAsync(process).Forget());
    }

    /// <summary>The device was replaced by an empty one that is then made again for the same OSD.</summary>
    /// <param name="sameUuid">Under the same uuid: the worst case, nothing but the missing data tells it apart.</param>
    public void EmptyDevice(bool sameUuid)
    {
        _ = _disk.Replace();
        _formatted = false;
        WasEmptied = true;
        if (!sameUuid) { _device = GroupsScenario.NewGuid(_scenario.World.Prng); }
    }

    /// <summary>The device died; a new one in its place becomes a new OSD.</summary>
    public void SwapDevice()
    {
        _ = _disk.Replace();
        _formatted = false;
        _device = GroupsScenario.NewGuid(_scenario.World.Prng);
        _id = null;
    }

    /// <summary>Number of the OSD; null = not made yet.</summary>
    public uint? Id => _id;

    public Guid Device => _device;

    public string Describe()
    {
        var text = new StringBuilder($"{_wrong}");
        if (!IsStarted) { return text.Append(" not started").ToString(); }
        foreach (OsdShard shard in Server!.Shards)
        {
            _ = text.Append($" (log {shard.SharedLog.UsedBytes / 1024} of {shard.SharedLog.TotalBytes / 1024} KiB, {shard.SharedLog.FreeSegments} segments free)");
            foreach (PgReplica pg in shard.Pgs)
            {
                _ = text.Append(pg.Group is { } group
                    ? $" [{pg.Id} t{group.Term} {(group.IsLeader ? group.IsReady ? "LEADER" : "leader" : "-")} last {group.LastIndex} commit {group.Commit} applied {group.Applied}{(group.IsRecovering ? " recovering" : "")}]"
                    : $" [{pg.Id} lost]");
            }
        }
        return text.ToString();
    }

    /// <summary>Checksums of every replica here, told to <paramref name="told"/> one by one.</summary>
    /// <param name="done">Called at the end.</param>
    public void Digest(Action<PgId, ReplicaContents> told, Action done)
    {
        int shards = Server!.Shards.Count;
        foreach (OsdShard shard in Server.Shards)
        {
            SimSeat seat = Host.Process!.Seats[shard.Index];
            seat.Do(() => DigestAsync(shard).Forget());
        }

        async ReactorTask DigestAsync(OsdShard shard)
        {
            var audit = new ObjectAudit(shard.Objects);
            foreach (PgReplica pg in new List<PgReplica>(shard.Pgs))
            {
                if (pg.Group is not { IsRecovering: false } group) { continue; }
                var objects = new List<ObjectChecksum>();
                ulong applied = group.Applied.Value;
                Errno status = await audit.ChecksumAsync(pg.Id, objects);
                if (status != Errno.None) { throw new SimFailure($"{Host.Name} pg {pg.Id}: reading failed: {status}"); }
                if (group.Applied.Value == applied) { told(pg.Id, new ReplicaContents(Host.Name, applied, objects, audit.EmptyDigest)); }
            }
            if (--shards == 0) { done(); }
        }
    }

    private async ReactorTask StartAsync(SimProcess process)
    {
        SimSeat first = process.Seats[0];
        var ports = new List<ShardSeat>();
        foreach (SimSeat seat in process.Seats) { ports.Add(new ShardSeat(seat.Reactor, seat.Transport, _disk.Open(seat))); }
        if (!_formatted) { await MakeAsync(first, (SimDiskPort)ports[0].Device); }
        var options = new OsdOptions
        {
            Mons = _scenario.MonAddresses,
            PublicAddress = new NetAddress(Host.Address, Port),
            ClusterAddress = new NetAddress(Host.Address, Port),
            Host = Host.Name,
            Lease = _scenario.Draw.Lease,
            MaxOps = _scenario.Draw.MaxOps,
            ScrubIntervalNanos = _scenario.ScrubIntervalNanos,
            Log = new DiskLogOptions { CacheBytes = _scenario.Draw.LogCacheBytes },
        };
        var server = new OsdServer(options, new Log(Host.Name, Host.Clock, new TraceLog(Host)), shards => ports.GetRange(0, shards));
        process.Own(server);
        server.OnFailed = why => OnFailed(process, why);
        string? wrong = await server.StartAsync();
        _wrong = wrong ?? "";
        if (wrong != null && !IsDamaged) { throw new SimFailure($"{Host.Name} does not start: {wrong}"); }
        if (wrong != null)
        {
            Reached.Mark("sim: damaged OSD refused to start");
            _scenario.Note(Host, wrong);
            return;
        }
        Server = server;
    }

    /// <summary>As the executable does: the process ends. Somebody starts it again.</summary>
    private void OnFailed(SimProcess process, string why)
    {
        _scenario.Note(Host, $"failed: {why}");
        FailureText = why;
        if (!IsDamaged || _failed == process) { return; }
        _failed = process;
        Reached.Mark("sim: damaged OSD ended by itself");
        _scenario.World.Schedule(1, () =>
        {
            if (Host.Process == process) { Host.Kill(); }
        });
        _scenario.World.Schedule(500 * Units.NanosPerMilli, () =>
        {
            if (!Host.IsRunning && !_scenario.IsRetired(this)) { Start(); }
        });
    }

    private VolumeFormatOptions Format() => new()
    {
        Cluster = _scenario.ClusterUuid,
        Kind = NodeKind.Osd,
        NodeId = _id ?? 0,
        Device = _device,
        Shards = _scenario.Draw.Shards,
        LogBytes = _scenario.Draw.LogBytes,
        SegmentBytes = (int)(_scenario.Draw.LogBytes / 16),
        Force = true,
    };

    private async ReactorTask MakeAsync(SimSeat seat, SimDiskPort port)
    {
        var mon = new MonClient(seat.Reactor, seat.Transport, _scenario.ClientOptions(), seat.Reactor.Prng.Fork());
        mon.Start();
        while (_id == null)
        {
            ControlReply reply = await mon.RequestAsync(new ControlRequest
            {
                OsdNew = new OsdNewRequest
                {
                    DeviceUuid = UuidBytes.ToBytes(_device),
                    Host = Host.Name,
                    SizeBytes = DiskBytes,
                    Shards = (uint)_scenario.Draw.Shards,
                },
            }, 10 * Units.NanosPerSecond);
            if (reply.Status == ControlStatus.StatusOk) { _id = reply.OsdNewResult.Id; }
        }
        mon.Stop();
        VolumeResult made = await DeviceVolume.FormatAsync(seat.Reactor, port, Format());
        if (made.Status != VolumeStatus.Ok) { throw new SimFailure($"{Host.Name}: mkfs: {made.Text}"); }
        _formatted = true;
    }
}

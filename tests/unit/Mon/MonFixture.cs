using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Mon;

namespace Fastblock.Tests.Unit.Mon;

/// <summary>A monitor's state without a monitor: commands are decided and their changes applied at once, over the bytes that
/// would go through the log.</summary>
internal sealed class MonFixture
{
    public static readonly Guid Cluster = new("11111111-2222-3333-4444-555555555555");
    private readonly TransactionParts _parts = new();
    private ulong _sequence;

    public MonFixture(int shards = 2)
    {
        Options = new MonOptions { MovesPgs = true };
        State = new MonState(Store, Runtime, Options, new Prng(1));
        MonChanges changes = new(Store);
        changes.Put(MapKeys.Cluster, new ClusterInfo { Uuid = Cluster, Shards = shards }.ToBytes());
        Apply(changes);
        Runtime.Reset(0);
    }

    public MonStore Store { get; } = new();
    public MonRuntime Runtime { get; } = new();
    public MonOptions Options { get; }
    public MonState State { get; }
    public ClusterMap Map => Store.Map;

    /// <summary>Nanoseconds; tests move it.</summary>
    public long Now { get; set; } = 1;

    public Guid Client { get; set; } = new("aaaaaaaa-0000-0000-0000-000000000001");

    public static Guid Device(uint osd) => new(osd + 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7);

    /// <summary>Decides and applies a command under a new identity.</summary>
    public ControlReply Do(ControlRequest request)
    {
        request.ClientInstance = UuidBytes.ToBytes(Client);
        request.ClientSequence = ++_sequence;
        return Repeat(request);
    }

    /// <summary>Decides and applies a command under the identity that it has.</summary>
    public ControlReply Repeat(ControlRequest request)
    {
        MonVerdict verdict = State.Evaluate(request, Now, 1000);
        if (verdict.Changes is { IsEmpty: false }) { Apply(verdict.Changes); }
        return verdict.Reply;
    }

    public bool Tick()
    {
        MonChanges? changes = State.Tick(Now);
        if (changes is not null) { Apply(changes); }
        return changes is not null;
    }

    public void Apply(MonChanges changes)
    {
        StoreTransaction? whole = null;
        foreach (byte[] header in TransactionParts.Split(changes.ToTransaction())) { whole = _parts.Add(header); }
        if (whole is null || !Store.TryApply(whole)) { throw new InvalidOperationException("the transaction did not apply"); }
    }

    /// <summary>Makes and boots OSDs, one per host.</summary>
    public MonFixture WithOsds(int count, int perHost = 1)
    {
        for (uint i = 0; i < count; i++)
        {
            uint id = (uint)Map.OsdCount;
            Do(new ControlRequest { OsdNew = NewOsd(id, $"h{id / perHost}") });
            Do(new ControlRequest { OsdBoot = BootOf(id) });
        }
        return this;
    }

    /// <summary>A pool that is active, its PGs reported by all members.</summary>
    public MonFixture WithPool(string name = "vol", uint pgs = 8)
    {
        Do(new ControlRequest { PoolCreate = new PoolCreateRequest { Name = name, PgCount = pgs } });
        ReportAll();
        Tick();
        return this;
    }

    public static OsdNewRequest NewOsd(uint id, string host, Guid? cluster = null) => new()
    {
        DeviceUuid = UuidBytes.ToBytes(Device(id)),
        Host = host,
        SizeBytes = Units.GiB,
        ClusterUuid = UuidBytes.ToBytes(cluster ?? Cluster),
    };

    public static OsdBootRequest BootOf(uint id, uint shards = 2, Guid? cluster = null) => new()
    {
        Id = id,
        DeviceUuid = UuidBytes.ToBytes(Device(id)),
        ClusterUuid = UuidBytes.ToBytes(cluster ?? Cluster),
        PublicAddress = $"10.0.0.{id + 1}:7000",
        ClusterAddress = $"10.1.0.{id + 1}:7000",
        Shards = shards,
        SizeBytes = Units.GiB,
    };

    /// <summary>A full heartbeat: every PG of the OSD is durable; it leads where it is preferred.</summary>
    public OsdHeartbeatRequest HeartbeatOf(uint id, Func<PgInfo, PgStat?>? change = null)
    {
        OsdHeartbeatRequest heartbeat = new()
        {
            Id = id,
            DeviceUuid = UuidBytes.ToBytes(Device(id)),
            Boots = Map.TryGetOsd(new OsdId(id), out OsdInfo? osd) ? osd.Boots : 0,
            SizeBytes = Units.GiB,
            UsedBytes = Units.MiB,
            Full = true,
        };
        foreach (PgInfo pg in Map.Pgs)
        {
            if (!pg.Has(new OsdId(id))) { continue; }
            PgStat? stat = change is null ? StatOf(pg, id) : change(pg);
            if (stat is not null) { heartbeat.Pgs.Add(stat); }
        }
        return heartbeat;
    }

    /// <summary>As <see cref="Stat"/>, but when the preferred leader is away or no voter, another voter that is up leads.</summary>
    public PgStat StatOf(PgInfo pg, uint osd)
    {
        List<uint> able = [];
        foreach (PgMember member in pg.Voters)
        {
            if (!Map.TryGetOsd(member.Osd, out OsdInfo? info) || !info.Up) { continue; }
            if (member.Osd == pg.PreferredLeader) { able.Insert(0, member.Osd.Value); } else { able.Add(member.Osd.Value); }
        }
        bool votes = able.Contains(osd);
        PgStat stat = new() { Pg = pg.Id.Value, Incarnation = pg.Incarnation, Durable = true, Term = 1, UsedBytes = votes ? 4096 : 0 };
        if (able.Count < pg.Majority || able[0] != osd) { return stat; }
        stat.Role = PgRole.Leader;
        stat.MembersSeen.AddRange(able);
        return stat;
    }

    public static PgStat Stat(PgInfo pg, uint osd)
    {
        PgStat stat = new() { Pg = pg.Id.Value, Incarnation = pg.Incarnation, Durable = true, Term = 1, UsedBytes = 4096 };
        if (pg.PreferredLeader.Value != osd) { return stat; }
        stat.Role = PgRole.Leader;
        foreach (PgMember member in pg.Members) { stat.MembersSeen.Add(member.Osd.Value); }
        return stat;
    }

    public void ReportAll()
    {
        List<uint> ids = [];
        foreach (OsdInfo osd in Map.Osds)
        {
            if (osd.Up) { ids.Add(osd.Id.Value); }
        }
        foreach (uint id in ids) { Do(new ControlRequest { OsdHeartbeat = HeartbeatOf(id) }); }
    }

    public ControlReply CreateImage(string name = "demo", long size = Units.GiB, string pool = "vol") =>
        Do(new ControlRequest { ImageCreate = new ImageCreateRequest { Pool = pool, Name = name, SizeBytes = size } });

    public ControlReply Acquire(ulong image, Guid instance, bool takeOver = false) => Do(new ControlRequest
    {
        ImageAcquire = new ImageAcquireRequest
        {
            Image = image,
            Instance = UuidBytes.ToBytes(instance),
            Description = $"client {instance.ToString()[..4]}",
            TakeOver = takeOver,
        },
    });

    public ControlReply Renew(ulong image, Guid instance, ulong generation) => Do(new ControlRequest
    {
        ImageRenew = new ImageRenewRequest { Image = image, Instance = UuidBytes.ToBytes(instance), Generation = generation },
    });

    public HealthResult Health() => Do(new ControlRequest { Health = new HealthRequest() }).HealthResult;

    public bool HasHealth(string code)
    {
        foreach (HealthItem item in Health().Items)
        {
            if (item.Code == code) { return true; }
        }
        return false;
    }
}

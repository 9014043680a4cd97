using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Roles.Osd;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>The cluster scenario, and the medium of one OSD rots, drops writes, puts them elsewhere and becomes unreadable in places.
/// What is promised: never wrong data. An I/O that needs a damaged block may fail; a replica whose log lost what it had
/// acknowledged says so and stays out until it is supplied anew; and everything acknowledged is on the other replicas: when the
/// damaged OSD is taken away for good, all of it can be read without a single error.</summary>
internal sealed class DamageScenario : ClusterScenario
{
    /// <summary>What is damaged was written so long ago at least: a device lies about the past, see <see cref="SimDisk"/>.</summary>
    private const long AgeNanos = 500 * Units.NanosPerMilli;

    private readonly OsdNode _victim;
    private readonly HashSet<int> _damagedLogs = [];
    private bool _retired;
    private int _damages;

    public DamageScenario(SimWorld world) : base(world, Shape) => _victim = Osds[world.Prng.Below(Osds.Count)];

    public override long ScrubIntervalNanos => 3 * Units.NanosPerSecond;

    public override bool IsRetired(OsdNode osd) => _retired && osd == _victim;

    public override string Describe() => $"{base.Describe()}; {_damages} damages to {_victim.Host.Name}";

    private static ClusterDraw Shape(ClusterDraw draw) => draw.WithSmallEntries() with
    {
        Replicas = 3,
        EmptyOneOsd = false,
        LossyFrames = false,
        Depth = Math.Min(draw.Depth, 4),
        TroubleNanos = Math.Min(draw.TroubleNanos, 10 * Units.NanosPerSecond),
    };

    protected override void MakeTrouble()
    {
        int count = 1 + World.Prng.Below(8);
        for (int i = 0; i < count; i++) { World.Schedule(World.Prng.Between(Units.NanosPerSecond, Draw.TroubleNanos), Damage); }
        WatchScrubs();
        base.MakeTrouble();
    }

    /// <summary>Damage shows by checksums alone: replicas of which each matches its own are the same.</summary>
    private void WatchScrubs() => World.Schedule(100 * Units.NanosPerMilli, () =>
    {
        foreach (OsdShard shard in Shards())
        {
            Require(shard.Counters.ScrubDifferences == 0, "a scrub finds replicas different that are not");
            Require(shard.Repairs.Hopeless == 0, "a block counts as lost although there are good copies");
        }
        if (!_retired) { WatchScrubs(); }
    });

    /// <summary>What no read has met yet is found by a scrub: after one the damaged OSD is like the others.</summary>
    private void RequireRepair()
    {
        ScrubAll();
        Await("all damage repaired", () => Shards().TrueForAll(shard => shard.Repairs.Known == 0), 120 * Units.NanosPerSecond, Damages);
        _victim.IsDamaged = false;
        AwaitEqualReplicas();
    }

    private string Damages()
    {
        string text = "";
        foreach (OsdShard shard in Shards()) { text += $" osd.{shard.Identity.Id.Value}/{shard.Index}: {shard.Repairs.Known} damaged blocks, {shard.Repairs.Hopeless} lost"; }
        return text + State();
    }

    private void ScrubAll()
    {
        SortedDictionary<PgId, long> before = [];
        foreach (PgReplica pg in Leaders()) { before[pg.Id] = pg.Scrub.FinishedMillis; }
        for (int second = 0; second < 240; second++)
        {
            int done = 0;
            foreach (OsdNode osd in Osds)
            {
                foreach (OsdShard shard in osd.IsStarted ? osd.Server!.Shards : [])
                {
                    foreach (PgReplica pg in shard.Pgs)
                    {
                        if (pg.Group is not { IsLeader: true, IsReady: true }) { continue; }
                        if (before.TryGetValue(pg.Id, out long last) && pg.Scrub.FinishedMillis != last && !pg.Scrub.IsUnderWay) { done++; }
                        else { osd.Host.Process!.Seats[shard.Index].Do(() => _ = shard.Scrubs.Request(pg)); }
                    }
                }
            }
            if (done == Draw.PgCount) { return; }
            World.RunFor(Units.NanosPerSecond);
        }
        Require(false, "the scrubs do not come to an end:" + Damages());
    }

    private List<PgReplica> Leaders()
    {
        List<PgReplica> leaders = [];
        foreach (OsdShard shard in Shards())
        {
            foreach (PgReplica pg in shard.Pgs)
            {
                if (pg.Group is { IsLeader: true }) { leaders.Add(pg); }
            }
        }
        return leaders;
    }

    private List<OsdShard> Shards()
    {
        List<OsdShard> shards = [];
        foreach (OsdNode osd in Osds)
        {
            if (osd.IsStarted) { shards.AddRange(osd.Server!.Shards); }
        }
        return shards;
    }

    protected override void Settle()
    {
        EndWork();
        ReadAllBack();
        RequireTrueReports();
        if (_victim.IsStarted) { RequireRepair(); }
        _retired = true;
        if (_victim.Host.IsRunning) { _victim.Host.Kill(); }
        _victim.IsDamaged = true; // also when nothing was found to damage: it is left out
        ReadAllBack();
        AwaitEqualReplicas();
    }

    /// <summary>A replica says that it lost records as long as it takes no part, and no longer.</summary>
    private void RequireTrueReports()
    {
        if (!_victim.IsStarted) { return; }
        foreach (OsdShard shard in _victim.Server!.Shards)
        {
            foreach (PgReplica pg in shard.Pgs)
            {
                Require(!pg.Group!.IsCorrupted || pg.Group.IsRecovering, $"pg {pg.Id} was supplied anew and still reports that it is lost");
                if (pg.Group is { IsRecovering: false } && _damagedLogs.Contains(shard.Index)) { Reached.Mark("sim: replica with a damaged log supplied anew"); }
            }
        }
    }

    private void Damage()
    {
        if (_retired) { return; }
        VolumeGeometry geometry = _victim.Geometry;
        int shard = World.Prng.Below(Draw.Shards);
        long part = geometry.FirstPartBytes + (shard * geometry.PartBytes);
        (long Offset, long Bytes) log = (part + geometry.LogOffset, (long)geometry.SegmentBytes * geometry.SegmentCount);
        (long Offset, long Bytes) data = (part + geometry.DataOffset, geometry.DataBytes);
        long before = World.Now - AgeNanos;
        bool inLog = World.Prng.Below(2) == 0 && !_damagedLogs.Contains(shard) && HasProof(log, ref before);
        (long Offset, long Bytes) where = inLog ? log : data;
        // A misdirected write lands in the data: were it to land in the log, that would be a second damage there.
        int kind = World.Prng.Below(4);
        bool done = kind switch
        {
            0 => _victim.Disk.TryRotOld(where.Offset, where.Bytes, before),
            1 => _victim.Disk.TryLoseOld(where.Offset, where.Bytes, before),
            2 => _victim.Disk.TryMisdirectOld(where.Offset, where.Bytes, data.Offset, data.Bytes, before),
            _ => _victim.Disk.TryLatentErrorOld(where.Offset, where.Bytes, before),
        };
        if (!done) { return; }
        if (inLog) { _ = _damagedLogs.Add(shard); }
        _damages++;
        _victim.IsDamaged = true;
        Reached.Mark($"sim: damage {kind} of the {(inLog ? "log" : "data")}");
        Note(_victim.Host, $"damage {kind} of the {(inLog ? "log" : "data")} of shard {shard}");
    }

    /// <summary>Only what batches that are durable by now know to be durable: the newest one of all may be lost without a trace, and
    /// no single device can tell that from a torn tail.</summary>
    private bool HasProof((long Offset, long Bytes) log, ref long before)
    {
        long newest = 0;
        int later = 0;
        foreach (long at in _victim.Disk.WriteTimes(log.Offset, log.Bytes))
        {
            if (later == 0) { newest = at; }
            if (++later == 4)
            {
                before = Math.Min(before, Math.Min(at, newest - (200 * Units.NanosPerMilli)));
                return true;
            }
        }
        return false;
    }
}

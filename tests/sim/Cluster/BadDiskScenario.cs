using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Osd;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>One disk of three goes bad while the others are well. Odd draws: it fails everything from one moment on; then its OSD must end by
/// itself, having told the monitors why, and come back when the disk is well again. Even draws: it becomes a thousand times slower;
/// writes must go on with the two others as if it were not there.</summary>
internal sealed class BadDiskScenario(SimWorld world) : ClusterScenario(world, Shape)
{
    private const long SpanNanos = Units.NanosPerSecond;

    private static ClusterDraw Shape(ClusterDraw draw) => draw.WithSmallEntries() with
    {
        Osds = 3,
        Shards = 1,
        Replicas = 3,
        PgCount = 1,
        EmptyOneOsd = false,
        LossyFrames = false,
        KillClients = false,
        TakeOverPerMillion = 0,
        StallPerMillion = 0,
        ReadPercent = 0,
        ZeroPercent = 0,
        // The slow one must not fall out of the others' logs: a hand-over keeps the log, and so holds up writes (docs/testing.md, "Open").
        LogBytes = 32 * Units.MiB,
        MaxSectors = 8,
        Depth = Math.Min(draw.Depth, 2),
    };

    protected override void MakeTrouble()
    {
        if (World.Prng.Below(2) == 1) { FailOne(); } else { SlowOne(); }
    }

    private void FailOne()
    {
        OsdNode victim = Osds[World.Prng.Below(Osds.Count)];
        World.RunFor(World.Prng.Between(0, Units.NanosPerSecond));
        victim.IsDamaged = true; // it may end
        victim.Disk.Faults = new DiskFaults { ErrorPerMillion = 1_000_000 };
        Await("the OSD to end", () => victim.FailureText.Length > 0, 5 * Units.NanosPerSecond, State);
        Reached.Mark("sim: failing disk ended its OSD");
        Require(victim.FailureText.Contains("the device failed a write", StringComparison.Ordinal), victim.FailureText);
        string told = DownDetails();
        Require(told.Contains("the device failed a write", StringComparison.Ordinal), $"the monitors were not told: {told}");
        RequireProgress("with a failed disk", Count(), SpanNanos);
        victim.Disk.Faults = new DiskFaults();
        victim.IsDamaged = false;
        if (victim.Host.IsRunning) { victim.Host.Kill(); }
        victim.Start();
    }

    private void SlowOne()
    {
        OsdNode victim = Osds[World.Prng.Below(Osds.Count)];
        while (Leads(victim)) { victim = Osds[World.Prng.Below(Osds.Count)]; }
        long before = Count();
        World.RunFor(SpanNanos);
        long healthy = Count() - before;
        victim.Disk.Faults = new DiskFaults { SlowFactor = 1_000 };
        before = Count();
        World.RunFor(SpanNanos);
        long slow = Count() - before;
        Reached.Mark("sim: slow disk");
        Require(slow * 2 >= healthy, $"{healthy} writes with three good disks, {slow} with a slow one");
        victim.Disk.Faults = new DiskFaults();
    }

    private void RequireProgress(string when, long before, long nanos)
    {
        World.RunFor(nanos);
        Require(Count() > before, $"no write ended {when}");
    }

    private static bool Leads(OsdNode osd)
    {
        foreach (OsdShard shard in osd.Server!.Shards)
        {
            foreach (PgReplica pg in shard.Pgs)
            {
                if (pg.Group is { IsLeader: true }) { return true; }
            }
        }
        return false;
    }

    private long Count()
    {
        long count = 0;
        foreach (OsdNode osd in Osds)
        {
            if (!osd.IsStarted) { continue; }
            foreach (OsdShard shard in osd.Server!.Shards) { count += shard.Counters.Writes; }
        }
        return count;
    }

    private string DownDetails()
    {
        var admin = new AdminNode(this);
        admin.Start();
        ControlReply reply = admin.Command("health", new ControlRequest { Health = new HealthRequest() });
        admin.Stop();
        List<string> details = [];
        foreach (HealthItem item in reply.HealthResult.Items)
        {
            if (item.Code == "OSD_DOWN") { details.AddRange(item.Details); }
        }
        return string.Join("; ", details);
    }
}

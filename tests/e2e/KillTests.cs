using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Xunit;
using Xunit.Abstractions;

namespace Fastblock.Tests.E2e;

/// <summary>Goal: a client notices nothing but a pause when servers die, and nothing that was acknowledged is lost. Method: fio
/// writes and verifies over NBD while servers are killed without warning and started again; in the end all replicas must hold
/// the same bytes. The stalls are printed; they are asserted only ten times wider than the goal of one second.</summary>
[Collection(E2eCollection.Name)]
public sealed class KillTests(ITestOutputHelper output)
{
    private const double StallMaxMillis = 10_000;
    private const string Image = "vol/load";

    [Needs("fio")]
    public void A_killed_leader_and_a_killed_follower_cost_a_short_pause()
    {
        using Rig rig = new();
        string leader = rig.Cluster.LeaderOf(Image), follower = Faults.OtherOsd(leader);
        rig.Begin(writes: 8000, perSecond: 400);
        KillAndRestart(rig, leader);
        KillAndRestart(rig, follower);
        rig.End(output, "leader and follower killed");
    }

    [Needs("fio")]
    public void A_dead_monitor_is_not_noticed()
    {
        using Rig rig = new();
        rig.Begin(writes: 3200, perSecond: 400);
        Faults.Dead mon = rig.Cluster.KillHard("mon.0");
        rig.LetRun(seconds: 4); // well over the time after which the monitors would have missed somebody
        mon.Restart();
        rig.Cluster.UntilOsdsUp(3);
        rig.End(output, "monitor killed");
    }

    [Needs("fio")]
    public void A_follower_that_stands_still_for_five_seconds_is_waited_for_by_nobody()
    {
        using Rig rig = new();
        string follower = Faults.OtherOsd(rig.Cluster.LeaderOf(Image));
        rig.Begin(writes: 4000, perSecond: 400);
        rig.Cluster.Signal(follower, Faults.SIGSTOP);
        rig.LetRun(seconds: 5);
        rig.Cluster.Signal(follower, Faults.SIGCONT);
        rig.Cluster.UntilOsdsUp(3);
        rig.End(output, "follower stopped for 5 s");
    }

    [Needs("fio")]
    public void Everything_killed_at_once_comes_back_with_all_that_was_acknowledged()
    {
        using Rig rig = new();
        rig.Begin(writes: 4000, perSecond: 400);
        rig.LetRun(seconds: 3);
        List<Faults.Dead> all = rig.Cluster.KillHard("osd.0", "osd.1", "osd.2", "mon.0");
        foreach (Faults.Dead server in all) { server.Restart(); }
        rig.End(output, "all servers killed", requireStall: false);
    }

    [Needs("fio")]
    public void Of_three_monitors_the_leader_may_die()
    {
        using Rig rig = new("--mons", "3");
        string leader = rig.Cluster.LeadingMon();
        rig.Begin(writes: 4000, perSecond: 400);
        Faults.Dead mon = rig.Cluster.KillHard(leader);
        // The others go on: a command that changes something is answered, and a dead OSD is seen and comes back.
        rig.Cluster.Cli("image", "create", "vol/other", "--size", "1M").Ok();
        Faults.Dead osd = rig.Cluster.KillHard("osd.2");
        rig.Cluster.UntilOsdsUp(2);
        osd.Restart();
        rig.Cluster.UntilOsdsUp(3);
        mon.Restart();
        rig.End(output, "leading monitor of three and an OSD killed");
    }

    [Needs("fio")]
    public void Without_any_monitor_OSDs_restart_and_elect_their_leaders()
    {
        using Rig rig = new();
        rig.Begin(writes: 6000, perSecond: 400);
        Faults.Dead mon = rig.Cluster.KillHard("mon.0");
        foreach (string server in (string[])["osd.0", "osd.1", "osd.2"])
        {
            rig.Cluster.KillHard(server).Restart();
            rig.LetRun(seconds: 2);
        }
        foreach (Faults.Dead osd in rig.Cluster.KillHard("osd.0", "osd.1", "osd.2")) { osd.Restart(); }
        rig.LetRun(seconds: 2);
        mon.Restart();
        rig.End(output, "every OSD killed while no monitor was there");
    }

    private static void KillAndRestart(Rig rig, string osd)
    {
        Faults.Dead dead = rig.Cluster.KillHard(osd);
        rig.Cluster.UntilOsdsUp(2);
        dead.Restart();
        rig.Cluster.UntilOsdsUp(3);
        rig.Cluster.UntilClean();
    }

    /// <summary>A cluster, an export of its own, and the load on it.</summary>
    private sealed class Rig : IDisposable
    {
        private readonly NbdServerProcess _nbd;
        private FioLoad? _load;

        public Rig(params string[] options)
        {
            Cluster = VstartCluster.Start(["--size", "512M", "--pgs", "8", .. options]);
            try
            {
                Cluster.Cli("image", "create", Image, "--size", "64M").Ok();
                _nbd = NbdServerProcess.Start(Cluster, Image);
            }
            catch
            {
                Cluster.Dispose();
                throw;
            }
        }

        public VstartCluster Cluster { get; }

        public void Begin(int writes, int perSecond)
        {
            _load = FioLoad.Start(_nbd.Uri, writes, perSecond);
            LetRun(seconds: 1);
        }

        /// <summary>Time under load is what is wanted here, not an event.</summary>
        public void LetRun(int seconds)
        {
            Stopwatch watch = Stopwatch.StartNew();
            while (watch.Elapsed.TotalSeconds < seconds)
            {
                Assert.True(_load!.IsRunning, "the load ended before the harm was done");
                Thread.Sleep(50);
            }
        }

        public void End(ITestOutputHelper output, string what, bool requireStall = true)
        {
            Assert.True(_load!.IsRunning, "the load ended before the harm was done");
            double stall = _load.Finish(Cluster);
            string line = $"{what}: longest stall of a write {stall:0} ms";
            output.WriteLine(line);
            Console.WriteLine(line);
            if (requireStall) { Assert.InRange(stall, 0, StallMaxMillis); }
            Cluster.RequireEqualReplicas();
        }

        public void Dispose()
        {
            _load?.Dispose();
            _nbd.Dispose();
            Cluster.Dispose();
        }
    }
}

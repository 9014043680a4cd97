using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Xunit;

namespace Fastblock.Tests.Sim.Mon;

/// <summary>Monitors as a cluster: founding, failover, restarts, hand-over; checked through a client.</summary>
public sealed class MonServerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void New_monitors_found_a_cluster_and_do_commands(int mons)
    {
        using MonWorld world = new(1, mons);
        world.StartAll();
        Assert.Equal(MonWorld.Cluster, world.Client.Map.Cluster!.Uuid);
        Assert.Equal(mons, world.Client.Map.Cluster.Mons.Count);
        Assert.Equal(0u, world.NewOsd(0).OsdNewResult.Id);
        Assert.Equal(1u, world.NewOsd(1).OsdNewResult.Id);
        world.RequireConverged();
        world.Sim.RunFor(Units.NanosPerSecond);
        StatusResult status = world.Ask(new ControlRequest { Status = new StatusRequest() }).StatusResult;
        Assert.Equal(mons, status.Mons.Count(mon => mon.InQuorum));
        Assert.Single(status.Mons, mon => mon.Leader);
    }

    /// <summary>One that is cut off refuses nothing, it is only silent: whoever begins with it must not wait for long.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_client_that_begins_with_a_silent_monitor_tries_another_soon(ulong seed)
    {
        using MonWorld world = new(seed, mons: 3);
        foreach (MonNode mon in world.Mons) { mon.Start(); }
        world.Require(() => world.Leader is not null, "a leader");
        world.Sim.Network.Isolate(world.Mons[0].Host);
        world.Sim.Network.Isolate(world.Mons[1].Host);
        world.Seat.Do(world.Client.Start);
        world.Require(() => world.Client.IsConnected, "a monitor that answers", seconds: 3);
    }

    [Fact]
    public void One_of_three_new_monitors_alone_founds_nothing()
    {
        using MonWorld world = new(2, 3);
        world.Mons[0].Start();
        world.Mons[1].Start();
        world.Sim.RunFor(10 * Units.NanosPerSecond);
        Assert.DoesNotContain(world.Mons, mon => mon.IsLeader);
        world.Mons[2].Start();
        world.Require(() => world.Leader is not null, "a leader once all three are there");
    }

    [Fact]
    public void A_device_that_was_not_made_does_not_become_a_monitor()
    {
        using MonWorld world = new(3, 1);
        world.Mons[0].ReplaceDisk();
        world.Mons[0].Start();
        world.Require(() => world.Mons[0].Refusal.Length > 0, "a refusal");
    }

    [Fact]
    public void Commands_survive_the_death_of_the_leader_and_are_done_once()
    {
        for (ulong seed = 10; seed < 20; seed++)
        {
            using MonWorld world = new(seed, 3);
            world.StartAll();
            List<List<ControlReply>> boxes = [];
            for (uint id = 0; id < 20; id++) { boxes.Add(world.Begin(MonWorld.NewOsdRequest(id))); }
            world.Sim.RunFor((long)world.Sim.Prng.Below((ulong)(20 * Units.NanosPerMilli)));
            world.Leader!.Kill();
            world.Require(() => boxes.TrueForAll(box => box.Count > 0), "all commands end");
            Assert.All(boxes, box => Assert.Equal(ControlStatus.StatusOk, box[0].Status));
            Assert.Equal(20, boxes.Select(box => box[0].OsdNewResult.Id).Distinct().Count());
            world.RequireConverged();
            Assert.Equal(20, world.Client.Map.OsdCount);
            world.Mons.Find(mon => mon.Server is null)!.Start();
            world.Sim.RunFor(Units.NanosPerSecond);
            world.RequireConverged();
        }
    }

    [Fact]
    public void Everything_acknowledged_is_there_after_all_lost_power()
    {
        for (ulong seed = 20; seed < 30; seed++)
        {
            using MonWorld world = new(seed, seed % 2 == 0 ? 1 : 3);
            world.StartAll();
            for (uint id = 0; id < 10; id++) { world.NewOsd(id); }
            List<ControlReply> last = world.Begin(MonWorld.NewOsdRequest(10));
            world.Sim.RunFor((long)world.Sim.Prng.Below((ulong)(3 * Units.NanosPerMilli)));
            foreach (MonNode mon in world.Mons) { mon.CutPower(); }
            world.Sim.RunFor(Units.NanosPerSecond);
            foreach (MonNode mon in world.Mons) { mon.Start(); }
            world.Require(() => last.Count > 0, "the command that was cut off ends");
            Assert.Equal(10u, last[0].OsdNewResult.Id);
            world.RequireConverged();
            Assert.Equal(11, world.Client.Map.OsdCount);
        }
    }

    [Fact]
    public void A_monitor_without_the_others_refuses_and_comes_back()
    {
        using MonWorld world = new(30, 3);
        world.StartAll();
        MonNode old = world.Leader!;
        world.Sim.Network.Isolate(old.Host);
        world.Require(() => world.Mons.Exists(mon => mon != old && mon.IsLeader), "a new leader");
        Assert.Equal(ControlStatus.StatusOk, world.NewOsd(0).Status);
        world.Sim.Network.HealAll();
        world.Sim.RunFor(2 * Units.NanosPerSecond);
        Assert.Single(world.Mons, mon => mon.IsLeader);
        world.RequireConverged();
    }

    [Fact]
    public void A_monitor_that_was_emptied_and_made_again_stays_out()
    {
        using MonWorld world = new(40, 3);
        world.StartAll();
        world.NewOsd(0);
        MonNode gone = world.Mons.Find(mon => !mon.IsLeader)!;
        gone.Kill();
        gone.ReplaceDisk();
        gone.Make(MonWorld.Cluster, MonWorld.Store(gone.Id, life: 2), [.. world.Mons.Select(mon => mon.Address)]);
        Assert.Equal("", gone.Refusal);
        gone.Start();
        world.Require(() => gone.Lines.Exists(line => line.Contains("cannot come back", StringComparison.Ordinal)), "it is told so");
        world.Sim.RunFor(5 * Units.NanosPerSecond);
        HealthResult health = world.Ask(new ControlRequest { Health = new HealthRequest() }).HealthResult;
        Assert.Contains(health.Items, item => item.Code == "MON_DOWN");
        // With one more away there is no majority: the emptied one must not make one.
        world.Mons.Find(mon => mon != gone && !mon.IsLeader)!.Kill();
        Assert.NotEqual(ControlStatus.StatusOk, world.Ask(MonWorld.NewOsdRequest(1), seconds: 5).Status);
    }

    [Fact]
    public void A_monitor_that_the_log_no_longer_reaches_is_handed_the_store()
    {
        using MonWorld world = new(50, 3, diskBytes: 10 * Units.MiB);
        world.StartAll();
        MonNode away = world.Mons.Find(mon => !mon.IsLeader)!;
        away.Kill();
        for (int i = 0; i < 3000 && world.Leader!.Server!.Counters.HandOvers == 0; i++)
        {
            uint id = (uint)i % 40;
            Assert.Equal(ControlStatus.StatusOk, (i < 40 ? world.NewOsd(id) : world.Ask(new ControlRequest
            {
                OsdBoot = Unit.Mon.MonFixture.BootOf(id, cluster: MonWorld.Cluster),
            })).Status);
        }
        away.Start();
        world.Require(() => away.Lines.Exists(line => line.Contains("took over the whole store", StringComparison.Ordinal)), "a hand-over");
        world.Sim.RunFor(Units.NanosPerSecond);
        world.RequireConverged();
        // What was handed over is durable: it comes back with it, and may lead.
        away.CutPower();
        away.Start();
        world.Mons.Find(mon => mon != away)!.Kill();
        Assert.Equal(ControlStatus.StatusOk, world.NewOsd(100).Status);
        world.RequireConverged();
    }

    [Fact]
    public void A_silent_osd_is_down_after_two_seconds_but_not_because_the_monitor_slept()
    {
        using MonWorld world = new(60, 1);
        world.StartAll();
        world.NewOsd(0);
        OsdBootRequest boot = Unit.Mon.MonFixture.BootOf(0, cluster: MonWorld.Cluster);
        ulong boots = world.Ask(new ControlRequest { OsdBoot = boot }).OsdBootResult.Boots;
        world.Mons[0].Host.Process!.Pause(20 * Units.NanosPerSecond);
        world.Sim.RunFor(21 * Units.NanosPerSecond);
        OsdHeartbeatRequest beat = new() { Id = 0, DeviceUuid = boot.DeviceUuid, Boots = boots, Full = true };
        Assert.False(world.Ask(new ControlRequest { OsdHeartbeat = beat }).OsdHeartbeatResult.WantBoot);
        world.Sim.RunFor(2500 * Units.NanosPerMilli);
        Assert.True(world.Ask(new ControlRequest { OsdHeartbeat = beat }).OsdHeartbeatResult.WantBoot);
    }

    [Fact]
    public void A_client_that_cannot_reach_any_monitor_says_so_in_time()
    {
        using MonWorld world = new(70, 3);
        world.Seat.Do(world.Client.Start);
        ControlReply reply = world.Ask(new ControlRequest { Status = new StatusRequest() }, seconds: 3);
        Assert.Equal(ControlStatus.StatusNoConnection, reply.Status);
        Assert.Contains("7300", reply.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_quorum_a_client_is_told_of_every_monitor_what_is_wrong()
    {
        using MonWorld world = new(71, 3);
        world.StartAll();
        for (int gone = 0; gone < 2; gone++) { world.Mons[gone].Kill(); }
        world.Sim.RunFor(5 * Units.NanosPerSecond);
        ControlReply reply = world.Ask(new ControlRequest { Status = new StatusRequest() }, seconds: 10);
        Assert.Contains("monitors answer but have no leader", reply.Text, StringComparison.Ordinal);
        Assert.Contains($"{world.Mons[2].Address}: this monitor has no leader", reply.Text, StringComparison.Ordinal);
        for (int gone = 0; gone < 2; gone++) { Assert.Contains($"{world.Mons[gone].Address}: ", reply.Text, StringComparison.Ordinal); }
    }
}

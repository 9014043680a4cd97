using System;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Xunit;

namespace Fastblock.Tests.Sim.Mon;

/// <summary>Monitors are added, removed and replaced while a client gives commands; it knows the founders' addresses only.</summary>
public sealed class MonMembershipTests
{
    private uint _osds;

    private void Work(MonWorld world, int commands = 3)
    {
        for (int i = 0; i < commands; i++) { Assert.Equal(_osds, world.NewOsd(_osds++).OsdNewResult.Id); }
    }

    private static MonNode AddAndStart(MonWorld world)
    {
        MonNode mon = world.Add();
        Assert.Equal("", mon.Refusal);
        mon.Start();
        return mon;
    }

    private void End(MonWorld world)
    {
        Work(world);
        world.Sim.RunFor(2 * Units.NanosPerSecond);
        world.RequireConverged();
        Assert.Equal((int)_osds, world.Client.Map.OsdCount);
    }

    [Fact]
    public void One_monitor_becomes_three_then_five_then_three()
    {
        using MonWorld world = new(1, 1);
        world.StartAll();
        Work(world);
        for (int count = 2; count <= 5; count++)
        {
            _ = AddAndStart(world);
            world.RequireMembers([.. world.Mons]);
            Work(world);
        }
        HealthResult health = world.Ask(new ControlRequest { Health = new HealthRequest() }).HealthResult;
        Assert.DoesNotContain(health.Items, item => item.Code.StartsWith("MON", StringComparison.Ordinal));
        // Any two of five may be away.
        world.Mons[0].Kill();
        world.Mons[3].Kill();
        Work(world);
        world.Mons[0].Start();
        world.Mons[3].Start();
        foreach (MonNode mon in world.Mons.Take(2))
        {
            Assert.Equal(ControlStatus.StatusOk, world.Remove(mon).Status);
            world.RequireEnded(mon);
        }
        world.RequireMembers([.. world.Mons.Skip(2)]);
        End(world);
    }

    [Fact]
    public void All_founders_are_replaced_one_by_one_and_the_client_goes_on()
    {
        for (ulong seed = 100; seed < 106; seed++)
        {
            _osds = 0;
            using MonWorld world = new(seed, 3);
            world.StartAll();
            MonNode[] founders = [.. world.Mons];
            foreach (MonNode old in founders)
            {
                _ = AddAndStart(world);
                Work(world);
                Assert.Equal(ControlStatus.StatusOk, world.Remove(old).Status);
                world.RequireEnded(old);
                Work(world);
            }
            world.RequireMembers([.. world.Mons.Except(founders)]);
            // Nothing of the founders is needed for a restart, either.
            foreach (MonNode mon in world.Mons.Except(founders)) { mon.CutPower(); }
            foreach (MonNode mon in world.Mons.Except(founders)) { mon.Start(); }
            End(world);
        }
    }

    [Fact]
    public void A_removed_monitor_says_so_and_never_starts_again()
    {
        using MonWorld world = new(200, 3);
        world.StartAll();
        _ = AddAndStart(world);
        world.RequireMembers([.. world.Mons]);
        MonNode leader = world.Leader!;
        Assert.Equal(ControlStatus.StatusOk, world.Remove(leader).Status);
        world.RequireEnded(leader);
        Assert.Contains($"mon.{leader.Id} has been removed", leader.Removed, StringComparison.Ordinal);
        leader.Start();
        world.RequireEnded(leader);
        Assert.Equal(leader.Removed, leader.Refusal);
        End(world);
    }

    [Fact]
    public void A_monitor_that_was_removed_while_it_was_down_finds_out()
    {
        using MonWorld world = new(210, 3);
        world.StartAll();
        MonNode gone = world.Mons[1];
        gone.Kill();
        world.Sim.RunFor(3 * Units.NanosPerSecond);
        Assert.Equal(ControlStatus.StatusOk, world.Remove(gone).Status);
        world.RequireMembers(world.Mons[0], world.Mons[2]);
        gone.Start();
        world.RequireEnded(gone);
        End(world);
    }

    [Fact]
    public void One_that_registered_and_never_came_holds_nobody_up_and_can_be_taken_back()
    {
        using MonWorld world = new(220, 3);
        world.StartAll();
        MonNode never = world.Add();
        MonNode other = AddAndStart(world);
        world.Require(() => world.Client.Map.Cluster!.Mons.Any(mon => mon.Id.Value == other.Id && mon.IsMember), "the other one is a member");
        Assert.Equal(ControlStatus.StatusOk, world.Remove(world.Mons[0]).Status);
        world.RequireEnded(world.Mons[0]);
        Assert.Equal(ControlStatus.StatusOk, world.Remove(never).Status);
        world.RequireMembers(world.Mons[1], world.Mons[2], other);
        never.Start();
        world.RequireEnded(never);
        End(world);
    }

    [Fact]
    public void One_that_was_away_while_all_others_were_replaced_finds_them_by_its_settings()
    {
        using MonWorld world = new(230, 3);
        world.StartAll();
        MonNode away = world.Mons[2];
        away.Kill();
        foreach (MonNode old in world.Mons.Take(2).ToArray())
        {
            MonNode added = AddAndStart(world);
            world.Require(() => world.Client.Map.Cluster!.Mons.Any(mon => mon.Id.Value == added.Id && mon.IsMember), "a member");
            Assert.Equal(ControlStatus.StatusOk, world.Remove(old).Status);
            world.RequireEnded(old);
        }
        world.RequireMembers([.. world.Mons.Skip(2)]);
        world.Options = world.Options with { Contacts = [world.Mons[4].Address] };
        away.Start();
        End(world);
        world.Require(() => away.Server!.Store.Revision == world.Leader!.Server!.Store.Revision, "it is up to date");
    }

    [Fact]
    public void A_new_monitor_whom_the_log_does_not_reach_is_handed_the_store_and_its_members()
    {
        using MonWorld world = new(240, 3, diskBytes: 10 * Units.MiB);
        world.StartAll();
        for (uint i = 0; i < 2500; i++)
        {
            uint id = i % 40;
            Assert.Equal(ControlStatus.StatusOk, (i < 40 ? world.NewOsd(id) : world.Ask(new ControlRequest
            {
                OsdBoot = Unit.Mon.MonFixture.BootOf(id, cluster: MonWorld.Cluster),
            })).Status);
        }
        _osds = 40;
        MonNode added = AddAndStart(world);
        world.RequireMembers([.. world.Mons]);
        Assert.Contains(added.Lines, line => line.Contains("took over the whole store", StringComparison.Ordinal));
        // It has the members with the store: after a restart it can be part of a majority, which is three of four.
        added.CutPower();
        added.Start();
        world.Mons.Find(mon => mon != added && !mon.IsLeader)!.Kill();
        End(world);
    }

    [Fact]
    public void A_minority_changes_no_members()
    {
        using MonWorld world = new(250, 3);
        world.StartAll();
        MonNode added = world.Add();
        MonNode old = world.Leader!;
        // The leader and the new one are alone together.
        foreach (MonNode mon in world.Mons.Where(mon => mon != old && mon != added))
        {
            world.Sim.Network.CutBoth(mon.Host, old.Host);
            world.Sim.Network.CutBoth(mon.Host, added.Host);
        }
        added.Start();
        world.Sim.RunFor(20 * Units.NanosPerSecond);
        Assert.False(old.IsLeader);
        Assert.False(added.IsLeader);
        Assert.Contains(world.Mons, mon => mon.IsLeader);
        Work(world);
        Assert.Contains(world.Leader!.Server!.Store.Map.Cluster!.Mons, mon => mon.Id.Value == added.Id && mon.State is MonRecordState.MonJoining);
        world.Sim.Network.HealAll();
        world.RequireMembers([.. world.Mons]);
        End(world);
    }
}

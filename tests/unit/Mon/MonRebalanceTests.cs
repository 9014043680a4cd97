using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;
using Xunit;

namespace Fastblock.Tests.Unit.Mon;

/// <summary>Monitors move PGs to where they should be, a few at a time; the groups themselves are played by the test.</summary>
public sealed class MonRebalanceTests
{
    private const long Minutes = 60 * Units.NanosPerSecond;

    [Fact]
    public void Nothing_moves_in_a_pool_that_was_just_made()
    {
        MonFixture mon = new MonFixture().WithOsds(5).WithPool(pgs: 32);
        for (int i = 0; i < 5; i++) { Assert.False(mon.Tick()); }
        Assert.All(mon.Map.Pgs, pg => Assert.Null(pg.Reported));
    }

    [Fact]
    public void A_new_osd_gets_its_share_a_few_pgs_at_a_time_and_leads_its_share_in_the_end()
    {
        MonFixture mon = new MonFixture().WithOsds(3).WithPool(pgs: 32).WithOsds(1);
        int most = 0;
        Settle(mon, () => most = Math.Max(most, Joining(mon, 3)));
        Assert.Equal(mon.Options.MaxRecoveries, most);
        Assert.Equal(24, mon.Map.Pgs.Count(pg => pg.Has(new OsdId(3))));
        Assert.All(mon.Map.Pgs, pg => Assert.True(pg.IsSettled && pg.Members.Count == 3));
        for (uint osd = 0; osd < 4; osd++) { Assert.Equal(8, mon.Map.Pgs.Count(pg => pg.PreferredLeader.Value == osd)); }
        Assert.False(mon.HasHealth("PG_MISPLACED"));
        Assert.False(mon.HasHealth("PG_RECOVERING"));
    }

    [Fact]
    public void An_osd_that_is_out_is_emptied_and_one_that_is_in_again_is_filled()
    {
        MonFixture mon = new MonFixture().WithOsds(4).WithPool(pgs: 32);
        mon.Do(new ControlRequest { OsdMark = new OsdMarkRequest { Ids = { 2 } } });
        Assert.True(mon.HasHealth("PG_MISPLACED"));
        Settle(mon);
        Assert.DoesNotContain(mon.Map.Pgs, pg => pg.Has(new OsdId(2)));
        mon.Do(new ControlRequest { OsdMark = new OsdMarkRequest { Ids = { 2 }, In = true } });
        Settle(mon);
        Assert.Equal(24, mon.Map.Pgs.Count(pg => pg.Has(new OsdId(2))));
    }

    [Fact]
    public void A_weight_of_nothing_empties_an_osd_and_double_the_weight_doubles_its_share()
    {
        MonFixture mon = new MonFixture().WithOsds(5).WithPool(pgs: 32);
        mon.Do(new ControlRequest { OsdReweight = new OsdReweightRequest { Id = 0 } });
        mon.Do(new ControlRequest { OsdReweight = new OsdReweightRequest { Id = 1, Weight = 512 } });
        Settle(mon);
        Assert.DoesNotContain(mon.Map.Pgs, pg => pg.Has(new OsdId(0)));
        int half = mon.Map.Pgs.Count(pg => pg.Has(new OsdId(1)));
        Assert.InRange(half, 13, 14);
        Assert.Equal(ControlStatus.StatusInvalid,
            mon.Do(new ControlRequest { OsdReweight = new OsdReweightRequest { Id = 1, Weight = ulong.MaxValue } }).Status);
    }

    [Fact]
    public void A_silent_osd_is_put_out_after_ten_minutes_and_comes_back_in_with_its_boot()
    {
        MonFixture mon = new MonFixture().WithOsds(5).WithPool(pgs: 16);
        Silence(mon, 9 * Minutes, 4);
        Assert.True(Osd(mon, 4) is { Up: false, In: true });
        Assert.True(mon.HasHealth("OSD_DOWN"));
        Silence(mon, 2 * Minutes, 4);
        Assert.True(Osd(mon, 4) is { In: false, AutoOut: true });
        Assert.True(mon.HasHealth("OSD_OUT"));
        Settle(mon);
        Assert.DoesNotContain(mon.Map.Pgs, pg => pg.Has(new OsdId(4)));
        mon.Do(new ControlRequest { OsdBoot = MonFixture.BootOf(4) });
        Assert.True(Osd(mon, 4) is { Up: true, In: true, AutoOut: false });
        Assert.False(mon.HasHealth("OSD_OUT"));
    }

    [Fact]
    public void What_the_operator_put_out_stays_out_when_it_boots()
    {
        MonFixture mon = new MonFixture().WithOsds(5);
        mon.Do(new ControlRequest { OsdMark = new OsdMarkRequest { Ids = { 4 } } });
        mon.Do(new ControlRequest { OsdBoot = MonFixture.BootOf(4) });
        Assert.False(Osd(mon, 4).In);
    }

    [Fact]
    public void With_noout_nobody_is_put_out()
    {
        MonFixture mon = new MonFixture().WithOsds(5);
        mon.Do(new ControlRequest { ClusterFlags = new ClusterFlagsRequest { Set = (ulong)ClusterFlag.Noout } });
        Assert.True(mon.HasHealth("CLUSTER_FLAGS"));
        Silence(mon, 20 * Minutes, 4);
        Assert.True(Osd(mon, 4).In);
        mon.Do(new ControlRequest { ClusterFlags = new ClusterFlagsRequest { Clear = (ulong)ClusterFlag.Noout } });
        Silence(mon, 1 * Minutes, 4);
        Assert.False(Osd(mon, 4).In);
        Assert.Equal(ControlStatus.StatusInvalid, mon.Do(new ControlRequest { ClusterFlags = new ClusterFlagsRequest { Set = 64 } }).Status);
    }

    [Fact]
    public void Three_quarters_stay_in_however_silent_they_are()
    {
        MonFixture mon = new MonFixture().WithOsds(8);
        Silence(mon, 11 * Minutes, 3, 4, 5, 6, 7);
        Assert.Equal(6, mon.Map.Osds.Count(osd => osd.In));
    }

    [Fact]
    public void A_new_leading_monitor_gives_everybody_the_full_time()
    {
        MonFixture mon = new MonFixture().WithOsds(5);
        Silence(mon, 9 * Minutes, 4);
        mon.Runtime.Reset(mon.Now);
        Silence(mon, 9 * Minutes, 4);
        Assert.True(Osd(mon, 4).In);
        Silence(mon, 2 * Minutes, 4);
        Assert.False(Osd(mon, 4).In);
    }

    [Fact]
    public void With_norebalance_only_missing_replicas_are_made_anew()
    {
        MonFixture mon = new MonFixture().WithOsds(4).WithPool(pgs: 16);
        mon.Do(new ControlRequest { ClusterFlags = new ClusterFlagsRequest { Set = (ulong)ClusterFlag.Norebalance } });
        mon.WithOsds(1);
        Settle(mon);
        Assert.DoesNotContain(mon.Map.Pgs, pg => pg.Has(new OsdId(4)));
        Silence(mon, 11 * Minutes, 0);
        Settle(mon);
        Assert.DoesNotContain(mon.Map.Pgs, pg => pg.Has(new OsdId(0)));
        Assert.All(mon.Map.Pgs, pg => Assert.Equal(3, pg.Members.Count));
    }

    [Fact]
    public void Replicas_of_an_osd_that_is_out_stay_when_there_is_no_other_place()
    {
        MonFixture mon = new MonFixture().WithOsds(3).WithPool(pgs: 16);
        mon.Do(new ControlRequest { OsdMark = new OsdMarkRequest { Ids = { 1 } } });
        Settle(mon);
        Assert.All(mon.Map.Pgs, pg => Assert.Equal(3, pg.Members.Count));
        Assert.True(mon.HasHealth("POOL_TOO_FEW_DOMAINS"));
    }

    [Fact]
    public void A_lost_replica_leaves_its_group_and_comes_back()
    {
        MonFixture mon = new MonFixture().WithOsds(3).WithPool(pgs: 8);
        PgId first = mon.Map.Pgs.First().Id;
        mon.Do(new ControlRequest
        {
            OsdHeartbeat = mon.HeartbeatOf(1, pg => pg.Id == first
                ? new PgStat { Pg = pg.Id.Value, Incarnation = pg.Incarnation, Role = PgRole.Lost } : MonFixture.Stat(pg, 1)),
        });
        Assert.True(mon.HasHealth("OSD_LOST_DATA"));
        mon.Tick();
        Assert.Equal(2, Pg(mon, first).Members.Count);
        Assert.True(Pg(mon, first).Has(new OsdId(1)));
        CarryOut(mon);
        mon.Tick();
        mon.Tick();
        Assert.Equal(3, Pg(mon, first).Members.Count);
        Assert.False(Pg(mon, first).IsReported(new PgMember(new OsdId(1), MonFixture.Device(1))));
        Settle(mon);
        Assert.True(Pg(mon, first).IsSettled);
        Assert.Equal(3, Pg(mon, first).Voters.Count);
    }

    [Fact]
    public void A_report_of_an_older_configuration_changes_nothing()
    {
        MonFixture mon = new MonFixture().WithOsds(3).WithPool(pgs: 8).WithOsds(1);
        Settle(mon);
        PgInfo moved = mon.Map.Pgs.First(pg => pg.Reported is { Index: > 0 });
        PgStat stat = MonFixture.Stat(moved, moved.PreferredLeader.Value);
        stat.Membership = new PgMembership(99, moved.Reported!.Index) { Voters = [moved.Members[0]] }.ToRecord();
        mon.Do(new ControlRequest { OsdHeartbeat = mon.HeartbeatOf(moved.PreferredLeader.Value, pg => pg.Id == moved.Id ? stat : null) });
        Assert.False(mon.Tick());
        stat.Membership = new PgMembershipRecord { Term = 99, Index = moved.Reported.Index + 1 };
        mon.Do(new ControlRequest { OsdHeartbeat = mon.HeartbeatOf(moved.PreferredLeader.Value, pg => pg.Id == moved.Id ? stat : null) });
        Assert.False(mon.Tick());
    }

    [Fact]
    public void A_change_that_waits_for_an_osd_which_went_out_is_given_up()
    {
        MonFixture mon = new MonFixture().WithOsds(4).WithPool(pgs: 16).WithOsds(2);
        mon.ReportAll();
        mon.Tick();
        PgInfo moving = mon.Map.Pgs.First(pg => !pg.IsSettled);
        OsdId joins = moving.Members.First(member => !PgMembership.Contains(moving.Voters, member)).Osd;
        mon.Do(new ControlRequest { OsdMark = new OsdMarkRequest { Ids = { joins.Value } } });
        mon.Tick();
        Assert.DoesNotContain(Pg(mon, moving.Id).Members, member => member.Osd == joins);
    }

    [Fact]
    public void Nothing_is_moved_to_an_osd_that_is_nearly_full_or_down()
    {
        MonFixture mon = new MonFixture().WithOsds(3).WithPool(pgs: 16).WithOsds(2);
        OsdHeartbeatRequest full = mon.HeartbeatOf(3);
        full.UsedBytes = full.SizeBytes / 100 * 90;
        mon.Do(new ControlRequest { OsdHeartbeat = full });
        mon.Do(new ControlRequest { OsdStop = new OsdStopRequest { Id = 4, DeviceUuid = UuidBytes.ToBytes(MonFixture.Device(4)), Boots = 1 } });
        for (int i = 0; i < 4; i++) { mon.Tick(); }
        Assert.All(mon.Map.Pgs, pg => Assert.True(pg.IsSettled));
        Assert.True(mon.HasHealth("PG_MISPLACED"));
    }

    [Fact]
    public void An_osd_is_removed_when_it_is_down_and_holds_nothing()
    {
        MonFixture mon = new MonFixture().WithOsds(4).WithPool(pgs: 16);
        Assert.Contains("running", Remove(mon, 3).Text, StringComparison.Ordinal);
        Silence(mon, 11 * Minutes, 3);
        ControlReply refused = Remove(mon, 3);
        Assert.Equal(ControlStatus.StatusWrongState, refused.Status);
        Assert.Contains("osd out 3", refused.Text, StringComparison.Ordinal);
        Settle(mon);
        Assert.Equal(ControlStatus.StatusOk, Remove(mon, 3).Status);
        Assert.False(mon.Map.TryGetOsd(new OsdId(3), out _));
        Assert.Equal(ControlStatus.StatusNotFound, Remove(mon, 3).Status);
        Assert.NotNull(mon.Do(new ControlRequest { Df = new DfRequest() }).DfResult);
        mon.WithOsds(0);
        Assert.Equal(4u, mon.Do(new ControlRequest { OsdNew = MonFixture.NewOsd(9, "h9") }).OsdNewResult.Id);
    }

    [Fact]
    public void With_force_an_osd_goes_whose_pgs_keep_a_majority_and_they_are_completed_elsewhere()
    {
        MonFixture mon = new MonFixture().WithOsds(4).WithPool(pgs: 16);
        Silence(mon, 3 * Units.NanosPerSecond, 3);
        Assert.Equal(ControlStatus.StatusOk, Remove(mon, 3, force: true).Status);
        Settle(mon);
        Assert.All(mon.Map.Pgs, pg => Assert.True(pg.IsSettled && pg.Members.Count == 3 && !pg.Has(new OsdId(3))));
    }

    [Fact]
    public void The_last_replica_is_given_up_only_when_that_was_said_and_then_the_pg_begins_anew()
    {
        MonFixture mon = new MonFixture().WithOsds(2);
        mon.Do(new ControlRequest { PoolCreate = new PoolCreateRequest { Name = "one", PgCount = 8, Replicas = 1 } });
        mon.ReportAll();
        mon.Tick();
        Silence(mon, 3 * Units.NanosPerSecond, 1);
        ControlReply refused = Remove(mon, 1, force: true);
        Assert.Equal(ControlStatus.StatusWrongState, refused.Status);
        Assert.Contains("nobody else has anything of it", refused.Text, StringComparison.Ordinal);
        ulong newest = mon.Map.Pgs.Max(pg => pg.Incarnation);
        ControlReply done = Remove(mon, 1, force: true, allowLoss: true);
        Assert.Equal(ControlStatus.StatusOk, done.Status);
        Assert.Equal(4, done.OsdRemoveResult.Lost.Count);
        Assert.Equal(4, mon.Map.Pgs.Count(pg => pg.Incarnation > newest && pg.State is PgState.Creating));
        Assert.All(mon.Map.Pgs, pg => Assert.Equal(0u, pg.Members.Single().Osd.Value));
    }

    [Fact]
    public void Racks_are_failure_domains_if_the_pool_says_so()
    {
        MonFixture mon = new();
        for (uint i = 0; i < 8; i++)
        {
            OsdNewRequest request = MonFixture.NewOsd(i, $"h{i}");
            request.Rack = $"r{i % 4}";
            mon.Do(new ControlRequest { OsdNew = request });
            mon.Do(new ControlRequest { OsdBoot = MonFixture.BootOf(i) });
        }
        PoolCreateRequest create = new() { Name = "vol", PgCount = 32, FailureDomain = FailureDomainKind.FailureDomainRack };
        Assert.Equal(ControlStatus.StatusOk, mon.Do(new ControlRequest { PoolCreate = create }).Status);
        mon.ReportAll();
        mon.Tick();
        mon.Do(new ControlRequest { OsdMark = new OsdMarkRequest { Ids = { 0, 4 } } });
        Settle(mon);
        Assert.All(mon.Map.Pgs, pg => Assert.Equal([1u, 2, 3], pg.Members.Select(member => member.Osd.Value % 4).Order().ToArray()));
        PoolCreateRequest five = new() { Name = "five", PgCount = 8, Replicas = 5, FailureDomain = FailureDomainKind.FailureDomainRack };
        Assert.Contains("racks", mon.Do(new ControlRequest { PoolCreate = five }).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Status_tells_how_much_is_left_to_copy()
    {
        MonFixture mon = new MonFixture().WithOsds(3).WithPool(pgs: 16).WithOsds(1);
        mon.ReportAll();
        mon.Tick();
        RecoveryStatus recovery = mon.Do(new ControlRequest { Status = new StatusRequest() }).StatusResult.Recovery;
        Assert.Equal((uint)mon.Options.MaxRecoveries, recovery.PgsMoving);
        Assert.Equal(12u, recovery.PgsMoving + recovery.PgsWaiting);
        Assert.Equal(12 * 4096, recovery.BytesLeft);
        Assert.Equal(-1, recovery.SecondsLeft);
        Assert.Contains(mon.Do(new ControlRequest { PgStats = new PgStatsRequest() }).PgStatsResult.Pgs, pg => pg.State == "recovering");
        Settle(mon);
        Assert.Equal(0, mon.Do(new ControlRequest { Status = new StatusRequest() }).StatusResult.Recovery.BytesLeft);
    }

    // ---- the groups, played ----

    private static OsdInfo Osd(MonFixture mon, uint id)
    {
        Assert.True(mon.Map.TryGetOsd(new OsdId(id), out OsdInfo? osd));
        return osd;
    }

    private static PgInfo Pg(MonFixture mon, PgId id)
    {
        Assert.True(mon.Map.TryGetPg(id, out PgInfo? pg));
        return pg;
    }

    private static ControlReply Remove(MonFixture mon, uint osd, bool force = false, bool allowLoss = false) => mon.Do(new ControlRequest
    {
        OsdRemove = new OsdRemoveRequest { Id = osd, Force = force, AllowDataLoss = allowLoss },
    });

    private static int Joining(MonFixture mon, uint osd) =>
        mon.Map.Pgs.Count(pg => pg.Members.Any(member => member.Osd.Value == osd && !PgMembership.Contains(pg.Voters, member)));

    /// <summary>Time passes, all others are heard.</summary>
    private static void Silence(MonFixture mon, long nanos, params uint[] silent)
    {
        long end = mon.Now + nanos;
        while (mon.Now < end)
        {
            mon.Now = Math.Min(end, mon.Now + Units.NanosPerSecond);
            foreach (uint id in mon.Map.Osds.Where(osd => osd.Up && !silent.Contains(osd.Id.Value)).Select(osd => osd.Id.Value).ToList())
            {
                mon.Do(new ControlRequest { OsdHeartbeat = mon.HeartbeatOf(id, _ => null) });
            }
            mon.Tick();
        }
        mon.ReportAll();
    }

    /// <summary>Monitors and groups take turns until nothing changes any more.</summary>
    private static void Settle(MonFixture mon, Action? look = null)
    {
        for (int round = 0; round < 1000; round++)
        {
            mon.ReportAll();
            bool moved = mon.Tick();
            look?.Invoke();
            if (!CarryOut(mon) && !moved) { return; }
        }
        Assert.Fail("it never ends");
    }

    /// <summary>Every group that has a majority does what its target says, and its leader reports that.</summary>
    private static bool CarryOut(MonFixture mon)
    {
        Dictionary<ulong, PgMembership> done = [];
        foreach (PgInfo pg in mon.Map.Pgs.Where(pg => pg is { State: PgState.Active, IsSettled: false }))
        {
            done[pg.Id.Value] = new PgMembership(2, pg.Reported!.Index + 10) { Voters = pg.Members };
        }
        foreach (uint id in mon.Map.Osds.Where(osd => osd.Up).Select(osd => osd.Id.Value).ToList())
        {
            mon.Do(new ControlRequest
            {
                OsdHeartbeat = mon.HeartbeatOf(id, pg =>
                {
                    PgStat stat = mon.StatOf(pg, id);
                    if (stat.Role is PgRole.Leader && done.TryGetValue(pg.Id.Value, out PgMembership? now)) { stat.Membership = now.ToRecord(); }
                    return stat;
                }),
            });
        }
        return done.Count > 0 && mon.Tick();
    }
}

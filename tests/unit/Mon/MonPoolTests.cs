using System;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;
using Xunit;

namespace Fastblock.Tests.Unit.Mon;

/// <summary>Pools and the states of their PGs.</summary>
public sealed class MonPoolTests
{
    [Fact]
    public void A_pool_gets_its_pgs_at_once_all_creating_on_three_hosts()
    {
        MonFixture mon = new MonFixture().WithOsds(6, perHost: 2);
        ControlReply reply = mon.Do(new ControlRequest { PoolCreate = new PoolCreateRequest { Name = "vol", PgCount = 64 } });
        Assert.Equal(ControlStatus.StatusOk, reply.Status);
        Assert.Equal(64, mon.Map.PgCount);
        foreach (PgInfo pg in mon.Map.Pgs)
        {
            Assert.Equal(PgState.Creating, pg.State);
            Assert.Equal(3, pg.Members.Select(member => member.Osd.Value / 2).Distinct().Count());
            Assert.All(pg.Members, member => Assert.Equal(MonFixture.Device(member.Osd.Value), member.Device));
            Assert.True(pg.Has(pg.PreferredLeader));
        }
        Assert.Equal(64, mon.Map.Pgs.Select(pg => pg.Incarnation).Distinct().Count());
    }

    [Theory]
    [InlineData(2u, "majority")]
    [InlineData(4u, "majority")]
    [InlineData(7u, "1, 3 or 5")]
    public void Replicas_other_than_1_3_and_5_are_refused_with_the_reason(uint replicas, string reason)
    {
        MonFixture mon = new MonFixture().WithOsds(8);
        ControlReply reply = mon.Do(new ControlRequest
        {
            PoolCreate = new PoolCreateRequest { Name = "vol", Replicas = replicas },
        });
        Assert.Equal(ControlStatus.StatusInvalid, reply.Status);
        Assert.Contains(reason, reply.Text, StringComparison.Ordinal);
        Assert.Equal(0, mon.Map.PoolCount);
    }

    [Fact]
    public void More_replicas_than_hosts_are_refused_unless_osds_are_the_failure_domain()
    {
        MonFixture mon = new MonFixture().WithOsds(3, perHost: 3);
        PoolCreateRequest request = new() { Name = "vol", PgCount = 8 };
        ControlReply reply = mon.Do(new ControlRequest { PoolCreate = request });
        Assert.Equal(ControlStatus.StatusWrongState, reply.Status);
        Assert.Contains("hosts", reply.Text, StringComparison.Ordinal);
        request.FailureDomain = FailureDomainKind.FailureDomainOsd;
        Assert.Equal(ControlStatus.StatusOk, mon.Do(new ControlRequest { PoolCreate = request }).Status);
    }

    [Theory]
    [InlineData("", 8u, 0u)]
    [InlineData("a/b", 8u, 0u)]
    [InlineData("-x", 8u, 0u)]
    [InlineData("vol", 12u, 0u)]
    [InlineData("vol", 1u << 20, 0u)]
    [InlineData("vol", 8u, 1000u)]
    [InlineData("vol", 8u, 8u << 20)]
    public void Bad_names_and_numbers_are_refused(string name, uint pgs, uint objectBytes)
    {
        MonFixture mon = new MonFixture().WithOsds(3);
        ControlReply reply = mon.Do(new ControlRequest
        {
            PoolCreate = new PoolCreateRequest { Name = name, PgCount = pgs, ObjectBytes = objectBytes },
        });
        Assert.Equal(ControlStatus.StatusInvalid, reply.Status);
        Assert.Equal(0, mon.Map.PoolCount);
    }

    [Fact]
    public void A_pool_of_the_same_name_is_refused_but_not_a_repeated_command()
    {
        MonFixture mon = new MonFixture().WithOsds(3);
        ControlRequest create = new() { PoolCreate = new PoolCreateRequest { Name = "vol", PgCount = 8 } };
        Assert.Equal(ControlStatus.StatusOk, mon.Do(create).Status);
        Assert.Equal(1u, mon.Repeat(create).PoolCreateResult.Id);
        Assert.Equal(ControlStatus.StatusExists, mon.Do(create.Clone()).Status);
    }

    [Fact]
    public void Without_a_number_three_osds_get_128_pgs()
    {
        MonFixture mon = new MonFixture().WithOsds(3);
        ControlReply reply = mon.Do(new ControlRequest { PoolCreate = new PoolCreateRequest { Name = "vol" } });
        Assert.Equal(128u, reply.PoolCreateResult.PgCount);
    }

    [Fact]
    public void A_pg_is_active_when_a_majority_has_it_on_disk()
    {
        MonFixture mon = new MonFixture().WithOsds(3);
        mon.Do(new ControlRequest { PoolCreate = new PoolCreateRequest { Name = "vol", PgCount = 8 } });
        mon.Do(new ControlRequest { OsdHeartbeat = mon.HeartbeatOf(0) });
        Assert.False(mon.Tick());
        mon.Do(new ControlRequest
        {
            OsdHeartbeat = mon.HeartbeatOf(1, pg =>
            {
                PgStat stat = MonFixture.Stat(pg, 1);
                stat.Durable = pg.Id.Number != 3;
                return stat;
            }),
        });
        Assert.True(mon.Tick());
        foreach (PgInfo pg in mon.Map.Pgs)
        {
            Assert.Equal(pg.Id.Number == 3 ? PgState.Creating : PgState.Active, pg.State);
        }
    }

    [Fact]
    public void Reports_of_another_incarnation_do_not_count()
    {
        MonFixture mon = new MonFixture().WithOsds(3);
        mon.Do(new ControlRequest { PoolCreate = new PoolCreateRequest { Name = "vol", PgCount = 8 } });
        for (uint osd = 0; osd < 3; osd++)
        {
            uint id = osd;
            mon.Do(new ControlRequest
            {
                OsdHeartbeat = mon.HeartbeatOf(id, pg =>
                {
                    PgStat stat = MonFixture.Stat(pg, id);
                    stat.Incarnation++;
                    return stat;
                }),
            });
        }
        Assert.False(mon.Tick());
    }

    [Fact]
    public void Health_follows_the_replicas()
    {
        MonFixture mon = new MonFixture().WithOsds(3);
        Assert.Equal(HealthLevel.HealthOk, mon.Health().Level);
        mon.Do(new ControlRequest { PoolCreate = new PoolCreateRequest { Name = "vol", PgCount = 8 } });
        Assert.True(mon.HasHealth("PG_CREATING"));
        mon.ReportAll();
        mon.Tick();
        Assert.Equal(HealthLevel.HealthOk, mon.Health().Level);

        mon.Do(new ControlRequest
        {
            OsdHeartbeat = mon.HeartbeatOf(2, pg =>
            {
                PgStat stat = MonFixture.Stat(pg, 2);
                stat.Role = PgRole.Lost;
                stat.Durable = false;
                return stat;
            }),
        });
        Assert.True(mon.HasHealth("OSD_LOST_DATA"));
        Assert.Equal(HealthLevel.HealthErr, mon.Health().Level);

        mon.Now += mon.Options.OsdDownAfterNanos;
        mon.Tick();
        Assert.True(mon.HasHealth("PG_NO_QUORUM"));
        Assert.True(mon.HasHealth("OSD_DOWN"));
    }

    [Fact]
    public void A_missing_member_makes_its_pgs_degraded()
    {
        MonFixture mon = new MonFixture().WithOsds(3).WithPool();
        mon.Now += mon.Options.OsdDownAfterNanos - 1;
        mon.Do(new ControlRequest { OsdHeartbeat = mon.HeartbeatOf(0) });
        mon.Do(new ControlRequest { OsdHeartbeat = mon.HeartbeatOf(1) });
        mon.Now++;
        mon.Tick();
        Assert.True(mon.HasHealth("PG_DEGRADED") || mon.HasHealth("PG_INACTIVE"));
        Assert.False(mon.HasHealth("PG_NO_QUORUM"));
        StatusResult status = mon.Do(new ControlRequest { Status = new StatusRequest() }).StatusResult;
        Assert.Equal(2u, status.OsdsUp);
        Assert.Equal(0u, status.PgsClean);
    }

    [Fact]
    public void A_full_osd_is_an_error_and_df_says_what_is_left()
    {
        MonFixture mon = new MonFixture().WithOsds(3).WithPool();
        OsdHeartbeatRequest heartbeat = mon.HeartbeatOf(1);
        heartbeat.UsedBytes = heartbeat.SizeBytes / 100 * 97;
        mon.Do(new ControlRequest { OsdHeartbeat = heartbeat });
        Assert.True(mon.HasHealth("OSD_FULL"));
        DfResult df = mon.Do(new ControlRequest { Df = new DfRequest() }).DfResult;
        Assert.Equal(0, df.Pools[0].AvailableBytes);
        Assert.Equal(8 * 4096, df.Pools[0].StoredBytes);
        Assert.Equal(3 * 8 * 4096, df.Pools[0].UsedBytes);
        Assert.Equal(8u, df.Osds[0].Pgs);
    }

    [Fact]
    public void A_pool_goes_with_its_pgs_when_it_is_empty_and_its_id_is_not_used_again()
    {
        MonFixture mon = new MonFixture().WithOsds(3).WithPool();
        mon.CreateImage();
        ControlRequest remove = new() { PoolRemove = new PoolRemoveRequest { Name = "vol" } };
        Assert.Equal(ControlStatus.StatusWrongState, mon.Do(remove.Clone()).Status);
        mon.Do(new ControlRequest { ImageRemove = new ImageRemoveRequest { Pool = "vol", Name = "demo" } });
        // What is left of removed images goes with the PGs.
        Assert.Equal(ControlStatus.StatusOk, mon.Do(remove.Clone()).Status);
        Assert.Equal(0, mon.Map.PoolCount);
        Assert.Equal(0, mon.Map.ImageCount);
        Assert.Equal(0, mon.Map.PgCount);
        Assert.Equal(ControlStatus.StatusNotFound, mon.Do(remove.Clone()).Status);
        mon.WithPool();
        Assert.Equal(2u, mon.Map.Pools.First().Id.Value);
        Assert.Equal(9u, mon.Map.Pgs.First().Incarnation);
    }

    [Fact]
    public void Osds_that_never_started_get_no_pgs()
    {
        MonFixture mon = new MonFixture().WithOsds(3);
        mon.Do(new ControlRequest { OsdNew = MonFixture.NewOsd(3, "h3") });
        mon.WithPool();
        Assert.DoesNotContain(mon.Map.Pgs, pg => pg.Has(new OsdId(3)));
    }
}

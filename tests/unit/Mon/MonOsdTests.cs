using System;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;
using Xunit;

namespace Fastblock.Tests.Unit.Mon;

/// <summary>The life of OSDs as monitors see it.</summary>
public sealed class MonOsdTests
{
    [Fact]
    public void Ids_are_given_out_once_and_the_same_device_gets_the_same()
    {
        MonFixture mon = new();
        ControlReply first = mon.Do(new ControlRequest { OsdNew = MonFixture.NewOsd(0, "a") });
        ControlReply again = mon.Do(new ControlRequest { OsdNew = MonFixture.NewOsd(0, "a") });
        ControlReply other = mon.Do(new ControlRequest { OsdNew = MonFixture.NewOsd(1, "b") });
        Assert.Equal(0u, first.OsdNewResult.Id);
        Assert.Equal(0u, again.OsdNewResult.Id);
        Assert.Equal(1u, other.OsdNewResult.Id);
        Assert.Equal(2u, other.OsdNewResult.Shards);
    }

    [Fact]
    public void A_repeated_mkfs_says_where_the_osd_stands_and_one_that_has_run_is_not_made_anew()
    {
        MonFixture mon = new();
        mon.Do(new ControlRequest { OsdNew = MonFixture.NewOsd(0, "a") });
        OsdNewRequest moved = MonFixture.NewOsd(0, "b");
        moved.Weight = 7;
        Assert.Equal(0u, mon.Do(new ControlRequest { OsdNew = moved }).OsdNewResult.Id);
        Assert.True(mon.Map.TryGetOsd(new OsdId(0), out OsdInfo? osd));
        Assert.Equal(("b", 7UL), (osd.Host, osd.Weight));
        mon.Do(new ControlRequest { OsdBoot = MonFixture.BootOf(0) });
        ControlReply refused = mon.Do(new ControlRequest { OsdNew = moved });
        Assert.Equal(ControlStatus.StatusWrongState, refused.Status);
        Assert.Contains("osd.0 has run with device", refused.Text, StringComparison.Ordinal);
        Assert.Equal(1, mon.Map.OsdCount);
    }

    [Fact]
    public void Asking_whether_an_id_would_be_given_out_gives_out_none()
    {
        MonFixture mon = new();
        OsdNewRequest request = MonFixture.NewOsd(0, "a");
        request.CheckOnly = true;
        Assert.Equal(ControlStatus.StatusOk, mon.Do(new ControlRequest { OsdNew = request }).Status);
        request.Host = new string('x', 1000);
        Assert.Equal(ControlStatus.StatusInvalid, mon.Do(new ControlRequest { OsdNew = request }).Status);
        Assert.Equal(0, mon.Map.OsdCount);
        Assert.Equal(0u, mon.Do(new ControlRequest { OsdNew = MonFixture.NewOsd(1, "b") }).OsdNewResult.Id);
    }

    [Fact]
    public void A_new_osd_is_in_but_down_and_weighs_its_size_in_mebibytes()
    {
        MonFixture mon = new();
        mon.Do(new ControlRequest { OsdNew = MonFixture.NewOsd(0, "a") });
        Assert.True(mon.Map.TryGetOsd(new OsdId(0), out OsdInfo? osd));
        Assert.True(osd.In);
        Assert.False(osd.Up);
        Assert.Equal(1024u, osd.Weight);
    }

    [Fact]
    public void Makes_no_osd_for_another_cluster_or_shard_count_or_without_what_it_needs()
    {
        MonFixture mon = new();
        AssertRefused(ControlStatus.StatusPermission, r => r.ClusterUuid = UuidBytes.ToBytes(Guid.NewGuid()));
        AssertRefused(ControlStatus.StatusWrongState, r => r.Shards = 3);
        AssertRefused(ControlStatus.StatusInvalid, r => r.SizeBytes = 0);
        AssertRefused(ControlStatus.StatusInvalid, r => r.Host = "");
        AssertRefused(ControlStatus.StatusInvalid, r => r.Host = "a\nb");
        AssertRefused(ControlStatus.StatusInvalid, r => r.DeviceUuid = Google.Protobuf.ByteString.Empty);
        AssertRefused(ControlStatus.StatusInvalid, r => r.DeviceUuid = Google.Protobuf.ByteString.CopyFrom(1, 2, 3));
        Assert.Equal(0, mon.Map.OsdCount);

        void AssertRefused(ControlStatus status, Action<OsdNewRequest> change)
        {
            OsdNewRequest request = MonFixture.NewOsd(0, "a");
            change(request);
            ControlReply reply = mon.Do(new ControlRequest { OsdNew = request });
            Assert.Equal(status, reply.Status);
            Assert.NotEmpty(reply.Text);
        }
    }

    [Fact]
    public void A_boot_marks_it_up_with_its_addresses()
    {
        MonFixture mon = new MonFixture().WithOsds(1);
        Assert.True(mon.Map.TryGetOsd(new OsdId(0), out OsdInfo? osd));
        Assert.True(osd.Up);
        Assert.Equal("10.0.0.1:7000", osd.PublicAddress!.ToString());
        Assert.Equal("10.1.0.1:7000", osd.ClusterAddress!.ToString());
        Assert.Equal(1u, osd.Boots);
    }

    [Fact]
    public void A_boot_that_is_repeated_counts_once()
    {
        MonFixture mon = new();
        mon.Do(new ControlRequest { OsdNew = MonFixture.NewOsd(0, "a") });
        ControlRequest boot = new() { OsdBoot = MonFixture.BootOf(0) };
        Assert.Equal(1u, mon.Do(boot).OsdBootResult.Boots);
        ulong revision = mon.Store.Revision;
        Assert.Equal(1u, mon.Repeat(boot).OsdBootResult.Boots);
        Assert.Equal(revision, mon.Store.Revision);
    }

    [Fact]
    public void Another_device_under_an_old_id_is_refused_and_health_says_so()
    {
        MonFixture mon = new MonFixture().WithOsds(1);
        OsdBootRequest boot = MonFixture.BootOf(0);
        boot.DeviceUuid = UuidBytes.ToBytes(MonFixture.Device(77));
        ControlReply reply = mon.Do(new ControlRequest { OsdBoot = boot });
        Assert.Equal(ControlStatus.StatusWrongState, reply.Status);
        Assert.Contains("osd mkfs", reply.Text, StringComparison.Ordinal);
        Assert.True(mon.HasHealth("OSD_DEVICE_REPLACED"));
        mon.Do(new ControlRequest { OsdBoot = MonFixture.BootOf(0) });
        Assert.False(mon.HasHealth("OSD_DEVICE_REPLACED"));
    }

    [Fact]
    public void A_boot_of_another_cluster_shard_count_id_or_without_address_is_refused()
    {
        MonFixture mon = new MonFixture().WithOsds(1);
        OsdBootRequest boot = MonFixture.BootOf(0);
        boot.ClusterUuid = UuidBytes.ToBytes(Guid.NewGuid());
        Assert.Equal(ControlStatus.StatusPermission, mon.Do(new ControlRequest { OsdBoot = boot }).Status);
        Assert.Equal(ControlStatus.StatusWrongState, mon.Do(new ControlRequest { OsdBoot = MonFixture.BootOf(0, shards: 1) }).Status);
        Assert.Equal(ControlStatus.StatusNotFound, mon.Do(new ControlRequest { OsdBoot = MonFixture.BootOf(5) }).Status);
        boot = MonFixture.BootOf(0);
        boot.PublicAddress = "nonsense";
        Assert.Equal(ControlStatus.StatusInvalid, mon.Do(new ControlRequest { OsdBoot = boot }).Status);
    }

    [Fact]
    public void Silence_makes_it_down_and_a_heartbeat_then_asks_for_a_boot()
    {
        MonFixture mon = new MonFixture().WithOsds(1);
        mon.Now = 1 + mon.Options.OsdDownAfterNanos - 1;
        Assert.False(mon.Tick());
        mon.Now++;
        Assert.True(mon.Tick());
        Assert.False(mon.Map.Osds.First().Up);
        Assert.True(mon.HasHealth("OSD_DOWN"));
        ControlReply reply = mon.Do(new ControlRequest { OsdHeartbeat = mon.HeartbeatOf(0) });
        Assert.True(reply.OsdHeartbeatResult.WantBoot);
    }

    [Fact]
    public void Heartbeats_keep_it_up()
    {
        MonFixture mon = new MonFixture().WithOsds(1);
        for (int i = 0; i < 20; i++)
        {
            mon.Now += mon.Options.OsdDownAfterNanos / 4;
            ControlReply reply = mon.Do(new ControlRequest { OsdHeartbeat = mon.HeartbeatOf(0) });
            Assert.False(reply.OsdHeartbeatResult.WantBoot);
            Assert.False(mon.Tick());
        }
    }

    [Fact]
    public void A_new_leader_and_one_that_was_paused_give_everybody_the_full_time()
    {
        MonFixture mon = new MonFixture().WithOsds(3);
        mon.Now = 100 * Units.NanosPerSecond;
        mon.Runtime.Reset(mon.Now);
        Assert.False(mon.Tick());
        mon.Now = 200 * Units.NanosPerSecond;
        mon.Runtime.ExtendGrace(mon.Now);
        Assert.False(mon.Tick());
        mon.Now += mon.Options.OsdDownAfterNanos;
        Assert.True(mon.Tick());
    }

    [Fact]
    public void A_heartbeat_of_an_earlier_boot_does_not_count()
    {
        MonFixture mon = new MonFixture().WithOsds(1);
        OsdHeartbeatRequest late = mon.HeartbeatOf(0);
        mon.Do(new ControlRequest { OsdBoot = MonFixture.BootOf(0) });
        Assert.True(mon.Do(new ControlRequest { OsdHeartbeat = late }).OsdHeartbeatResult.WantBoot);
    }

    [Fact]
    public void A_leader_that_knows_nothing_asks_for_everything()
    {
        MonFixture mon = new MonFixture().WithOsds(1);
        OsdHeartbeatRequest delta = mon.HeartbeatOf(0);
        delta.Full = false;
        Assert.True(mon.Do(new ControlRequest { OsdHeartbeat = delta }).OsdHeartbeatResult.WantFull);
        mon.Do(new ControlRequest { OsdHeartbeat = mon.HeartbeatOf(0) });
        Assert.False(mon.Do(new ControlRequest { OsdHeartbeat = delta }).OsdHeartbeatResult.WantFull);
    }

    [Fact]
    public void A_clean_stop_is_down_at_once_but_a_late_one_of_an_earlier_boot_is_nothing()
    {
        MonFixture mon = new MonFixture().WithOsds(1);
        OsdStopRequest stop = new() { Id = 0, DeviceUuid = UuidBytes.ToBytes(MonFixture.Device(0)), Boots = 1 };
        mon.Do(new ControlRequest { OsdBoot = MonFixture.BootOf(0) });
        mon.Do(new ControlRequest { OsdStop = stop });
        Assert.True(mon.Map.Osds.First().Up);
        stop.Boots = 2;
        mon.Do(new ControlRequest { OsdStop = stop });
        Assert.False(mon.Map.Osds.First().Up);
    }

    [Fact]
    public void Statistics_of_pgs_that_the_map_does_not_know_are_not_kept()
    {
        MonFixture mon = new MonFixture().WithOsds(3).WithPool();
        OsdHeartbeatRequest heartbeat = mon.HeartbeatOf(0);
        for (ulong i = 0; i < 1000; i++) { heartbeat.Pgs.Add(new PgStat { Pg = (99UL << 32) + i }); }
        mon.Do(new ControlRequest { OsdHeartbeat = heartbeat });
        Assert.Equal(8, mon.Runtime.Osd(new OsdId(0)).Pgs.Count);
    }
}

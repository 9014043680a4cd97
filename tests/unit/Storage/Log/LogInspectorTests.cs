using System.Collections.Generic;
using System.Linq;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Volume;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Log;

/// <summary>The offline readers show what is there and write nothing.</summary>
public class LogInspectorTests
{
    [Fact]
    public void A_good_log_is_shown_and_found_good_without_a_write()
    {
        using LogWorld world = Worked(81);
        int writes = world.Device.Writes;
        List<InspectRow> labels = world.Run(VolumeInspector.LabelsAsync(world.Device));
        Assert.Equal(4, labels.Count(r => r.Fields.Contains(("state", "Valid")) && r.Fields.Contains(("node", "mon.7"))));
        List<InspectRow> superblocks = world.Run(VolumeInspector.SuperblocksAsync(world.Volume!.Part));
        Assert.Equal(4, superblocks.Count(r => r.Fields.Contains(("state", "Valid"))));
        List<InspectRow> rows = [];
        _ = world.Run(Shown(world, rows));
        Assert.Equal("end", rows[^1].Kind);
        Assert.All(rows.Where(r => r.Kind == "batch"), r => Assert.Contains(("chain", "good"), r.Fields));
        Assert.Contains(rows, r => r.ToString().StartsWith("record kind=Entry group=0.", System.StringComparison.Ordinal));
        KvStore kv = new();
        rows.Clear();
        Assert.True(world.Run(LogInspector.CheckAsync(world.Reactor, world.Volume!, kv, rows.Add)));
        Assert.Equal("log", rows[^1].Kind);
        LogInspector.PairRows(kv, rows.Add);
        Assert.Equal(kv.Count, rows.Count(r => r.Kind == "pair"));
        Assert.True(kv.Count > 0);
        Assert.Equal(writes, world.Device.Writes);
        kv.Dispose();
    }

    [Fact]
    public void Damage_is_a_problem_row()
    {
        using LogWorld world = Worked(82);
        ShardVolume volume = world.Volume!;
        long at = (64 * 1024) + volume.LogOffset + ((long)(volume.Superblock.StartSegment % (ulong)volume.Superblock.SegmentCount) * volume.SegmentBytes);
        world.Device.Media[(int)at + 60] ^= 8;
        List<InspectRow> rows = [];
        KvStore kv = new();
        Assert.False(world.Run(LogInspector.CheckAsync(world.Reactor, volume, kv, rows.Add)));
        Assert.Contains(rows, r => r.Kind == "problem" && r.Fields.Contains(("what", "LostBatches")));
        kv.Dispose();
    }

    private static async Fastblock.Native.Reactor.ReactorTask<bool> Shown(LogWorld world, List<InspectRow> rows)
    {
        await LogInspector.BatchesAsync(world.Volume!, withRecords: true, rows.Add);
        return true;
    }

    private static LogWorld Worked(ulong seed)
    {
        LogWorld world = new(seed);
        Assert.True(world.TryOpenAndCheck());
        for (int i = 0; i < 800; i++) { world.Step(); }
        world.Iterate(300);
        world.Close();
        Assert.NotNull(world.TryOpen());
        world.Close();
        return world;
    }
}

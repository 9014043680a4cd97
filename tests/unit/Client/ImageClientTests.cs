using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Xunit;

namespace Fastblock.Tests.Unit.Client;

public sealed class ImageClientTests
{
    [Fact]
    public void Opens_a_session_on_every_pg_before_the_open_ends()
    {
        ClientBench bench = ClientBench.Opened();
        for (ulong pg = 0; pg < FakeCluster.PgCount; pg++)
        {
            Assert.Contains((new PgId(new PoolId(1), (uint)pg).Value, 1UL), bench.Cluster.Sessions);
        }
    }

    [Theory]
    [InlineData(0, 4096)]
    [InlineData(512, 512)]
    [InlineData(3584, 1024)]
    [InlineData(4096 + 512, 8192)]
    [InlineData(FakeCluster.ObjectBytes - 512, 1024)]
    [InlineData(FakeCluster.ObjectBytes - 4096, 8192)]
    [InlineData(512 * 1024 - 1536, 3072)]
    [InlineData(512, 3 * 1024 * 1024)]
    public void Reads_what_it_wrote_at_any_sector(long offset, int length)
    {
        ClientBench bench = ClientBench.Opened();
        byte[] data = ClientBench.Pattern(length, 1);
        Assert.Equal(Errno.None, bench.Write(offset, data));
        Assert.Equal(data, bench.Read(offset, length));
        Assert.Equal(data, bench.Cluster.Data.AsSpan((int)offset, length).ToArray());
    }

    [Fact]
    public void Follows_random_operations_exactly()
    {
        ClientBench bench = ClientBench.Opened();
        byte[] model = new byte[bench.Client.SizeBytes];
        Prng prng = new(7);
        for (int round = 0; round < 400; round++)
        {
            int length = 512 * (1 + prng.Below(199));
            long offset = 512 * prng.Between(0, (model.Length - length) / 512);
            switch (prng.Below(4))
            {
                case 0:
                    Assert.Equal(Errno.None, bench.Run(prng.Below(2) == 0 ? ImageOp.Discard : ImageOp.WriteZeroes, offset, length).Status);
                    model.AsSpan((int)offset, length).Clear();
                    break;
                case 1:
                    Assert.True(model.AsSpan((int)offset, length).SequenceEqual(bench.Read(offset, length)));
                    break;
                default:
                    byte[] data = ClientBench.Pattern(length, round);
                    Assert.Equal(Errno.None, bench.Write(offset, data));
                    data.CopyTo(model, (int)offset);
                    break;
            }
            if (prng.Below(10) == 0) { bench.Cluster.Leaders[prng.Below(FakeCluster.PgCount)] = (uint)prng.Below(3); }
        }
        Assert.Equal(model, bench.Cluster.Data);
        bench.Close();
        Assert.Equal(0, bench.Buffers.Outstanding);
        Assert.Equal(0, bench.Cluster.Buffers.Outstanding);
    }

    [Fact]
    public void Reading_what_was_never_written_gives_a_hole()
    {
        ClientBench bench = ClientBench.Opened();
        ImageIo io = bench.Run(ImageOp.Read, 4096, 8192);
        Assert.True(io.IsHole);
        Assert.Equal(new byte[8192], bench.Read(4096, 8192));
    }

    [Fact]
    public void A_block_map_tells_data_from_holes_across_objects()
    {
        ClientBench bench = ClientBench.Opened();
        Assert.Equal(Errno.None, bench.Write(8192, new byte[4096]));
        Assert.Equal(Errno.None, bench.Write(FakeCluster.ObjectBytes + 4096 + 512, new byte[512]));
        ImageIo io = bench.Run(ImageOp.BlockMap, 4096, 2 * FakeCluster.ObjectBytes);
        Assert.Equal(Errno.None, io.Status);
        List<int> mapped = [];
        for (int i = 0; i < io.Map.Length * 8; i++)
        {
            if ((io.Map[i / 8] >> (i % 8) & 1) != 0) { mapped.Add(i); }
        }
        Assert.Equal([1, FakeCluster.ObjectBytes / 4096], mapped);
    }

    [Theory]
    [InlineData(-512, 512)]
    [InlineData(0, 0)]
    [InlineData(0, 100)]
    [InlineData(100, 512)]
    [InlineData(8 << 20, 512)]
    [InlineData((8 << 20) - 512, 1024)]
    [InlineData(long.MaxValue - 511, 512)]
    public void Refuses_ranges_outside_of_the_image_without_asking_anybody(long offset, int length)
    {
        ClientBench bench = ClientBench.Opened();
        int handled = bench.Cluster.Handled;
        Assert.Equal(Errno.Invalid, bench.Run(ImageOp.Read, offset, length).Status);
        Assert.Equal(handled, bench.Cluster.Handled);
    }

    [Fact]
    public void Goes_on_when_the_leader_dies_and_another_takes_over_later()
    {
        ClientBench bench = ClientBench.Opened();
        bench.Cluster.Kill(0);
        for (int i = 0; i < 20; i++) { bench.Step(); }
        uint[] leaders = bench.Cluster.Leaders;
        byte[] data = ClientBench.Pattern(4 << 20, 3);
        ImageIo io = bench.Start(ImageOp.Write, 0, data.Length, data);
        long before = bench.Clock.NowNanos;
        while (bench.Clock.NowNanos < before + 500 * Units.NanosPerMilli) { bench.Step(); }
        Assert.DoesNotContain(io, bench.Completed);
        for (int pg = 0; pg < FakeCluster.PgCount; pg++) { leaders[pg] = leaders[pg] == 0 ? 1 : leaders[pg]; }
        long elected = bench.Clock.NowNanos;
        bench.Finish(io);
        Assert.Equal(Errno.None, io.Status);
        Assert.True(bench.Clock.NowNanos - elected < 120 * Units.NanosPerMilli, $"{bench.Clock.NowNanos - elected} ns");
        Assert.Equal(data, bench.Read(0, data.Length));
    }

    [Fact]
    public void Goes_elsewhere_when_the_leader_falls_silent()
    {
        ClientBench bench = ClientBench.Opened();
        Assert.Equal(Errno.None, bench.Write(0, new byte[4096]));
        _ = bench.Cluster.Mute.Add(0);
        for (int pg = 0; pg < FakeCluster.PgCount; pg++)
        {
            if (bench.Cluster.Leaders[pg] == 0) { bench.Cluster.Leaders[pg] = 2; }
        }
        long before = bench.Clock.NowNanos;
        byte[] data = ClientBench.Pattern(4 << 20, 4);
        Assert.Equal(Errno.None, bench.Write(0, data));
        Assert.True(bench.Clock.NowNanos - before < 1200 * Units.NanosPerMilli);
        Assert.Equal(data, bench.Read(0, data.Length));
    }

    /// <summary>Those who have not missed a silent leader yet still name it: it is asked again when it is heard, and not before.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Does_not_go_back_to_a_silent_leader_because_others_have_not_missed_it_yet(bool another)
    {
        ClientBench bench = ClientBench.Opened();
        Assert.Equal(Errno.None, bench.Write(0, new byte[4096]));
        Array.Fill(bench.Cluster.Leaders, 0u);
        Assert.Equal(Errno.None, bench.Write(0, new byte[4096]));
        _ = bench.Cluster.Mute.Add(0);
        long before = bench.Clock.NowNanos;
        ImageIo io = bench.Start(ImageOp.Write, 0, 4096, ClientBench.Pattern(4096, 1));
        while (bench.Clock.NowNanos < before + (700 * Units.NanosPerMilli)) { bench.Step(); }
        if (another) { Array.Fill(bench.Cluster.Leaders, 2u); } else { _ = bench.Cluster.Mute.Remove(0); }
        bench.Finish(io);
        Assert.Equal(Errno.None, io.Status);
        Assert.InRange(bench.Clock.NowNanos - before, 700 * Units.NanosPerMilli, 1100 * Units.NanosPerMilli);
    }

    /// <summary>The OSD gives signs of life, but no answer: a repetition would double the work of one that is only busy.</summary>
    [Fact]
    public void An_osd_that_is_only_busy_is_not_asked_again_before_it_must_have_lost_the_request()
    {
        ImageClientOptions options = new();
        ClientBench bench = ClientBench.Opened(options: options);
        long asked = 0;
        bench.Cluster.Script = (connection, op, _) => op == DataOp.Write && ++asked <= 3 ? FakeCluster.NoAnswer : null;
        long before = bench.Clock.NowNanos, sent = bench.Client.Stats.Sent;
        ImageIo io = bench.Start(ImageOp.Write, 0, 4096, ClientBench.Pattern(4096, 1));
        while (bench.Clock.NowNanos < before + options.RequestLostNanos - Units.NanosPerMilli) { bench.Step(); }
        Assert.Equal(1, bench.Client.Stats.Sent - sent);
        Assert.InRange(bench.Cluster.Probes, 5, 50);
        bench.Finish(io);
        Assert.Equal(Errno.None, io.Status);
        // After 10, 20 and 40 s.
        Assert.Equal(4, bench.Client.Stats.Sent - sent);
        Assert.InRange(bench.Clock.NowNanos - before, 70 * Units.NanosPerSecond, 72 * Units.NanosPerSecond);
        Assert.Single(bench.Cluster.Applied);
        Assert.Equal(0, bench.Client.Stats.Redirected);
    }

    [Fact]
    public void What_is_unanswered_follows_the_pg_to_another_leader_within_a_second()
    {
        ClientBench bench = ClientBench.Opened();
        uint old = bench.Cluster.Leaders[0];
        bench.Cluster.Script = (connection, op, _) => op == DataOp.Write && connection.Osd == old && bench.Cluster.Leaders[0] == old ? FakeCluster.NoAnswer : null;
        ImageIo[] ios = new ImageIo[8];
        for (int i = 0; i < ios.Length; i++) { ios[i] = bench.Start(ImageOp.Write, i * FakeCluster.ObjectBytes, 4096, ClientBench.Pattern(4096, i)); }
        for (int i = 0; i < 20; i++) { bench.Step(); }
        for (int pg = 0; pg < FakeCluster.PgCount; pg++) { bench.Cluster.Leaders[pg] = (old + 1) % 3; }
        long moved = bench.Clock.NowNanos;
        // One more request of each PG finds out where its leader is now.
        for (int i = 0; i < ios.Length; i++) { bench.Finish(bench.Start(ImageOp.Read, i * FakeCluster.ObjectBytes, 4096)); }
        foreach (ImageIo io in ios) { bench.Finish(io); }
        Assert.True(bench.Clock.NowNanos - moved < 1500 * Units.NanosPerMilli, $"{bench.Clock.NowNanos - moved} ns");
    }

    [Fact]
    public void What_was_sent_to_an_osd_that_holds_the_pg_no_more_is_sent_to_the_new_ones_at_once()
    {
        ClientBench bench = ClientBench.Opened();
        bench.Cluster.Script = (connection, op, _) => op == DataOp.Write && connection.Osd == 0 ? FakeCluster.NoAnswer : null;
        for (int pg = 0; pg < FakeCluster.PgCount; pg++) { bench.Cluster.Leaders[pg] = 0; }
        byte[] data = ClientBench.Pattern(8 << 20, 2);
        ImageIo io = bench.Start(ImageOp.Write, 0, 4 << 20, data[..(4 << 20)]);
        long before = bench.Clock.NowNanos;
        while (bench.Clock.NowNanos < before + 100 * Units.NanosPerMilli) { bench.Step(); }
        for (int pg = 0; pg < FakeCluster.PgCount; pg++) { bench.Cluster.Leaders[pg] = 1; }
        bench.Cluster.MoveAllPgsAway(from: 0);
        bench.Finish(io);
        Assert.True(bench.Clock.NowNanos - before < 300 * Units.NanosPerMilli, $"{bench.Clock.NowNanos - before} ns");
    }

    [Fact]
    public void A_host_that_swallows_connections_costs_one_wait_not_one_per_pg()
    {
        ClientBench bench = new();
        _ = bench.Cluster.Silent.Add(0);
        for (int pg = 0; pg < FakeCluster.PgCount; pg++) { bench.Cluster.Leaders[pg] = 1; }
        long before = bench.Clock.NowNanos;
        Assert.True(bench.Open(ImageOpenMode.Write).IsOk);
        byte[] data = ClientBench.Pattern(4 << 20, 13);
        Assert.Equal(Errno.None, bench.Write(0, data));
        Assert.True(bench.Clock.NowNanos - before < 300 * Units.NanosPerMilli, $"{bench.Clock.NowNanos - before}");
    }

    [Fact]
    public void A_buffer_that_changes_on_the_way_is_sent_from_a_copy_the_second_time()
    {
        ClientBench bench = ClientBench.Opened();
        byte[] data = ClientBench.Pattern(8192, 14);
        ImageIo io = bench.Start(ImageOp.Write, 512, data.Length, data);
        // The owner scribbles over its data after the checksum was made: the fake connection copied it, so damage that copy.
        bench.Cluster.Requests[0].Payload!.Span(600, 1)[0] ^= 1;
        bench.Finish(io);
        Assert.Equal(Errno.None, io.Status);
        Assert.Equal(1, bench.Cluster.BadChecksums);
        Assert.Equal(1, bench.Client.Stats.WriteChecksumErrors);
        Assert.Equal(data, bench.Read(512, data.Length));
        bench.Close();
        Assert.Equal(0, bench.Buffers.Outstanding);
    }

    [Fact]
    public void A_repeated_write_keeps_its_sequence_so_it_is_applied_once()
    {
        ClientBench bench = ClientBench.Opened();
        int swallowed = 0;
        bench.Cluster.Script = (_, op, _) => op == DataOp.Write && swallowed++ < 3 ? FakeCluster.NoAnswer : null;
        byte[] data = ClientBench.Pattern(4096, 5);
        Assert.Equal(Errno.None, bench.Write(0, data));
        Assert.Single(bench.Cluster.Applied);
        Assert.True(bench.Client.Stats.TimedOut >= 3);
    }

    [Theory]
    [InlineData((byte)DataStatus.Again)]
    [InlineData((byte)DataStatus.StaleEpoch)]
    [InlineData((byte)DataStatus.NoSuchPg)]
    [InlineData((byte)DataStatus.NotLeader)]
    [InlineData((byte)DataStatus.BadChecksum)]
    public void Repeats_what_was_refused_for_the_moment(byte status)
    {
        ClientBench bench = ClientBench.Opened();
        int left = 7;
        bench.Cluster.Script = (_, _, _) => left-- > 0 ? (DataStatus)status : null;
        byte[] data = ClientBench.Pattern(2048, 6);
        Assert.Equal(Errno.None, bench.Write(512, data));
        Assert.Equal(data, bench.Read(512, 2048));
        bench.Close();
        Assert.Equal(0, bench.Buffers.Outstanding);
    }

    [Theory]
    [InlineData((byte)DataStatus.NoSpace, Errno.NoSpace)]
    [InlineData((byte)DataStatus.OutOfRange, Errno.Invalid)]
    [InlineData((byte)DataStatus.Io, Errno.Io)]
    [InlineData((byte)DataStatus.NotSupported, Errno.NotSupported)]
    internal void Hands_final_refusals_to_the_caller_and_goes_on(byte status, Errno expected)
    {
        ClientBench bench = ClientBench.Opened();
        bench.Cluster.Script = (_, _, _) => (DataStatus)status;
        Assert.Equal(expected, bench.Write(0, new byte[FakeCluster.ObjectBytes * 2]));
        bench.Cluster.Script = null;
        Assert.Equal(Errno.None, bench.Write(0, new byte[4096]));
    }

    [Fact]
    public void Reads_again_when_the_payload_was_hurt_on_the_way()
    {
        ClientBench bench = ClientBench.Opened();
        byte[] data = ClientBench.Pattern(8192, 8);
        Assert.Equal(Errno.None, bench.Write(0, data));
        bench.Cluster.DamageNextRead = true;
        Assert.Equal(data, bench.Read(0, 8192));
        Assert.Equal(1, bench.Client.Stats.ReadChecksumErrors);
    }

    [Fact]
    public void A_new_owner_fences_the_old_one_for_ever()
    {
        FakeCluster cluster = new();
        ClientBench old = ClientBench.Opened(cluster);
        ClientBench refused = new(cluster);
        Assert.Equal(Errno.Busy, refused.Open(ImageOpenMode.Write).Status);
        ClientBench taker = new(cluster);
        Assert.True(taker.Open(ImageOpenMode.TakeOver).IsOk);
        byte[] before = (byte[])cluster.Data.Clone();
        Assert.Equal(Errno.Stale, old.Write(0, ClientBench.Pattern(4096, 9)));
        Assert.Equal(Errno.Stale, old.Fault);
        Assert.Equal(Errno.Stale, old.Run(ImageOp.Read, 0, 512).Status);
        Assert.Equal(before, cluster.Data);
        Assert.Equal(Errno.None, taker.Write(0, new byte[512]));
        old.Close();
        Assert.Equal(0, old.Buffers.Outstanding);
    }

    [Fact]
    public void Is_fenced_by_the_map_and_by_a_refused_renewal_too()
    {
        ClientBench bench = ClientBench.Opened();
        bench.Cluster.PutImage(bench.Client.SizeBytes, new Epoch(11), generation: 2);
        bench.Cluster.NotifyMapChanged();
        Assert.Equal(Errno.Stale, bench.Fault);

        ClientBench renewing = ClientBench.Opened();
        for (int i = 0; i < 20; i++) { renewing.Step(); }
        Assert.True(renewing.Cluster.Renewals > 3);
        renewing.Cluster.RenewAnswer = Errno.TimedOut;
        for (int i = 0; i < 20; i++) { renewing.Step(); }
        Assert.Equal(Errno.None, renewing.Fault);
        renewing.Cluster.RenewAnswer = Errno.Stale;
        for (int i = 0; i < 20; i++) { renewing.Step(); }
        Assert.Equal(Errno.Stale, renewing.Fault);
    }

    [Fact]
    public void A_reader_says_that_it_is_there_and_when_it_goes()
    {
        ClientBench bench = new();
        Assert.Equal(Errno.None, bench.Open(ImageOpenMode.ReadOnly).Status);
        for (int i = 0; i < 100 && bench.Cluster.Readers == 0; i++) { bench.Step(); }
        Assert.Equal(1, bench.Cluster.Readers);
        bench.Close();
        Assert.Equal(0, bench.Cluster.Readers);
    }

    [Fact]
    public void A_reader_owns_nothing_and_may_not_write()
    {
        FakeCluster cluster = new();
        ClientBench writer = ClientBench.Opened(cluster);
        byte[] data = ClientBench.Pattern(4096, 10);
        Assert.Equal(Errno.None, writer.Write(4096, data));
        ClientBench reader = new(cluster);
        Assert.True(reader.Open(ImageOpenMode.ReadOnly).IsOk);
        Assert.Equal(data, reader.Read(4096, 4096));
        Assert.Equal(Errno.ReadOnly, reader.Run(ImageOp.Discard, 0, 4096).Status);
        Assert.Equal(Errno.None, reader.Run(ImageOp.Flush, 0, 0).Status);
        reader.Close();
        Assert.Equal(0, cluster.Releases);
    }

    [Fact]
    public void Grows_with_the_map()
    {
        FakeCluster cluster = new(4 << 20);
        ClientBench bench = ClientBench.Opened(cluster);
        Assert.Equal(Errno.Invalid, bench.Run(ImageOp.Read, 4 << 20, 512).Status);
        cluster.PutImage(5 << 20, new Epoch(11), generation: 1);
        cluster.NotifyMapChanged();
        Assert.Equal(5 << 20, bench.Client.SizeBytes);
    }

    [Fact]
    public void Open_ends_in_time_when_a_pg_has_no_leader_and_gives_the_ownership_back()
    {
        ClientBench bench = new();
        bench.Cluster.Leaders[2] = 99;
        long before = bench.Clock.NowNanos;
        ImageOpenResult result = bench.Open(ImageOpenMode.Write, 2 * Units.NanosPerSecond);
        Assert.Equal(Errno.TimedOut, result.Status);
        Assert.Contains("1 of 4 PGs", result.Text, StringComparison.Ordinal);
        Assert.InRange(bench.Clock.NowNanos - before, 2 * Units.NanosPerSecond, 3 * Units.NanosPerSecond);
        Assert.Equal(1, bench.Cluster.Releases);
        Assert.Equal(0, bench.Buffers.Outstanding);
    }

    [Fact]
    public void Says_what_is_missing()
    {
        ClientBench bench = new();
        Assert.Equal(Errno.NotFound, Ask(bench, "vol", "nope").Status);
        Assert.Equal(Errno.NotFound, Ask(bench, "nope", "demo").Status);
    }

    [Fact]
    public void Close_ends_the_sessions_and_later_io_is_refused()
    {
        ClientBench bench = ClientBench.Opened();
        bench.Close();
        Assert.Empty(bench.Cluster.Sessions);
        Assert.Equal(1, bench.Cluster.Releases);
        Assert.Equal(Errno.ShutDown, bench.Run(ImageOp.Flush, 0, 0).Status);
        Assert.Equal(0, bench.Buffers.Outstanding);
    }

    [Fact]
    public void Never_leaves_the_sequence_window_however_late_one_answer_is()
    {
        ClientBench bench = ClientBench.Opened();
        ulong held = 0;
        bench.Cluster.Script = (_, op, sequence) =>
        {
            if (op != DataOp.Write) { return null; }
            if (held == 0) { held = sequence; }
            return sequence == held ? FakeCluster.NoAnswer : null;
        };
        ImageIo first = bench.Start(ImageOp.Write, 0, 512, new byte[512]);
        List<ImageIo> more = [];
        for (int i = 0; i < 1500; i++) { more.Add(bench.Start(ImageOp.WriteZeroes, 512, 512)); }
        long before = bench.Clock.NowNanos;
        while (bench.Clock.NowNanos < before + 5 * Units.NanosPerSecond) { bench.Step(); }
        Assert.Equal(SequenceWindow.Size - 1, bench.Completed.Count);
        bench.Cluster.Script = null;
        bench.Finish(first);
        foreach (ImageIo io in more) { bench.Finish(io); }
        Assert.True(bench.Cluster.HighestWindow <= SequenceWindow.Size);
    }

    [Fact]
    public void A_discard_of_the_whole_image_and_a_full_request_table_only_take_longer()
    {
        ClientBench bench = ClientBench.Opened(options: new ImageClientOptions { MaxRequests = 4, MaxRequestsPerIo = 2 });
        List<ImageIo> all = [];
        for (int i = 0; i < 10; i++) { all.Add(bench.Start(ImageOp.Discard, 0, bench.Client.SizeBytes)); }
        byte[] data = ClientBench.Pattern(4 << 20, 11);
        ImageIo write = bench.Start(ImageOp.Write, 0, data.Length, data);
        foreach (ImageIo io in all) { bench.Finish(io); Assert.Equal(Errno.None, io.Status); }
        bench.Finish(write);
        Assert.Equal(Errno.None, write.Status);
    }

    [Fact]
    public void Unsound_replies_cost_the_connection_and_nothing_else()
    {
        ClientBench bench = ClientBench.Opened();
        foreach (FakeConnection connection in bench.Cluster.Up.ToArray())
        {
            Frame junk = new() { Type = FrameType.DataReply, Body = new byte[3] };
            connection.Handler.OnFrame(connection, in junk);
            Assert.True(connection.IsClosed);
        }
        byte[] data = ClientBench.Pattern(4096, 12);
        Assert.Equal(Errno.None, bench.Write(0, data));
        Assert.Equal(data, bench.Read(0, 4096));
    }

    private static ImageOpenResult Ask(ClientBench bench, string pool, string image)
    {
        ReactorTask<ImageOpenResult> task = bench.Client.OpenAsync(pool, image, ImageOpenMode.Write, "test", 1);
        Assert.True(task.IsCompleted);
        return task.TakeResult();
    }
}

using System;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Log;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Log;

/// <summary>Damage of what was durable once is reported, never silently cut off; whatever a device holds, opening it gives an
/// answer.</summary>
public class LogDamageTests
{
    private const int LogStart = 2 * 64 * 1024;

    [Fact]
    public void A_rotten_batch_in_the_middle_is_reported_and_the_rest_is_replayed()
    {
        using LogWorld world = Filled(seed: 51, out ulong last);
        world.Device.Media[LogStart + FindBatch(world, 20) + 40] ^= 4;
        world.Crash();
        LogOpenResult opened = world.TryOpen()!.Value;
        Assert.Equal(Errno.None, opened.Status);
        LogCorruption lost = world.Corruptions.First(c => c.Kind is LogCorruptionKind.LostBatches);
        Assert.Null(lost.Group);
        Assert.Equal((20UL, 20UL), (lost.FirstSequence, lost.LastSequence));
        Assert.Equal(last, opened.Log!.DurableSequence);
        Assert.True(opened.Log.IsDamaged);
        foreach (PgId group in opened.Log.Groups)
        {
            Assert.True(opened.Log.TryGetGroup(group, out LogGroupInfo info));
            Assert.True(info.Damaged);
        }
    }

    [Fact]
    public void A_recovery_that_stops_at_the_first_bad_record_would_lose_acknowledged_records()
    {
        using LogWorld world = Filled(seed: 58, out ulong last);
        world.Device.Media[LogStart + FindBatch(world, 20) + 40] ^= 4;
        world.Crash();
        Sabotage.Use(SabotageKind.RecoveryStopsAtFirstBadRecord);
        LogOpenResult opened = world.TryOpen()!.Value;
        Sabotage.Use(SabotageKind.None);
        Assert.Empty(world.Corruptions);
        Assert.Equal(19UL, opened.Log!.DurableSequence); // silently: what the checks above would notice
        Assert.True(opened.Log.DurableSequence < last);
    }

    [Fact]
    public void Damage_is_reported_at_every_opening_until_it_is_acknowledged()
    {
        using LogWorld world = Filled(seed: 52, out ulong last);
        // The very last batch: nothing behind it could prove anything, but the clean end does.
        world.Close();
        world.Device.Media[LogStart + FindBatch(world, last) + 40] ^= 4;
        world.Crash();
        _ = world.TryOpen();
        Assert.Contains(world.Corruptions, c => c.Kind is LogCorruptionKind.LostBatches && c.FirstSequence == last);
        world.Crash();
        _ = world.TryOpen();
        Assert.Contains(world.Corruptions, c => c.Kind is LogCorruptionKind.LostBatches);
        Assert.Equal(Errno.None, world.Run(world.Log!.AcknowledgeDamageAsync()));
        world.Crash();
        _ = world.TryOpen();
        Assert.Empty(world.Corruptions);
    }

    [Fact]
    public void A_gap_that_was_acknowledged_is_no_news_at_later_openings_but_another_one_is()
    {
        using LogWorld world = Filled(seed: 59, out _);
        world.Device.Media[LogStart + FindBatch(world, 20) + 40] ^= 4;
        world.Crash();
        _ = world.TryOpen();
        Assert.True(world.Log!.IsDamaged);
        Assert.Equal(Errno.None, world.Run(world.Log.AcknowledgeDamageAsync()));
        for (int i = 0; i < 2; i++)
        {
            world.Crash();
            _ = world.TryOpen();
            Assert.DoesNotContain(world.Corruptions, c => c.Kind is LogCorruptionKind.LostBatches);
            Assert.False(world.Log!.IsDamaged);
        }
        world.Device.Media[LogStart + FindBatch(world, 30) + 40] ^= 4;
        world.Crash();
        _ = world.TryOpen();
        LogCorruption lost = world.Corruptions.First(c => c.Kind is LogCorruptionKind.LostBatches);
        Assert.Equal((30UL, 30UL), (lost.FirstSequence, lost.LastSequence));
        Assert.True(world.Log!.IsDamaged);
    }

    [Fact]
    public void Any_number_of_gaps_is_acknowledged_once()
    {
        using LogWorld world = Filled(seed: 64, out _);
        for (ulong batch = 10; batch < 46; batch += 2) { Rot(batch); }
        world.Crash();
        _ = world.TryOpen();
        Assert.Equal(18, world.Corruptions.Count(c => c.Kind is LogCorruptionKind.LostBatches));
        Assert.Equal(Errno.None, world.Run(world.Log!.AcknowledgeDamageAsync()));
        for (int i = 0; i < 3; i++)
        {
            ulong end = world.Log.LastSequence;
            Assert.Equal(Errno.None, world.Run(world.Log.AcknowledgeDamageAsync())); // nothing is written twice
            Assert.Equal(end, world.Log.LastSequence);
            world.Crash();
            _ = world.TryOpen();
            Assert.DoesNotContain(world.Corruptions, c => c.Kind is LogCorruptionKind.LostBatches);
            Assert.False(world.Log.IsDamaged);
        }
        // The batch between two gaps joins them to a longer one, which is news.
        Rot(21);
        world.Crash();
        _ = world.TryOpen();
        LogCorruption lost = Assert.Single(world.Corruptions, c => c.Kind is LogCorruptionKind.LostBatches);
        Assert.Equal((20UL, 22UL), (lost.FirstSequence, lost.LastSequence));

        void Rot(ulong batch) => world.Device.Media[LogStart + FindBatch(world, batch) + 40] ^= 4;
    }

    [Fact]
    public void A_gap_is_news_again_when_the_record_that_knows_it_is_lost()
    {
        using LogWorld world = Filled(seed: 65, out _);
        world.Device.Media[LogStart + FindBatch(world, 20) + 40] ^= 4;
        world.Crash();
        _ = world.TryOpen();
        Assert.Equal(Errno.None, world.Run(world.Log!.AcknowledgeDamageAsync()));
        ulong record = world.Log.LastSequence;
        world.Iterate(200); // long enough for the seal
        world.Device.Media[LogStart + FindBatch(world, record) + 40] ^= 4;
        world.Crash();
        _ = world.TryOpen();
        Assert.Equal([20UL, record], world.Corruptions.Where(c => c.Kind is LogCorruptionKind.LostBatches).Select(c => c.FirstSequence));
    }

    [Fact]
    public void The_ceiling_of_terms_outlives_the_loss_of_either_pair_of_superblocks()
    {
        for (int pair = 0; pair < 2; pair++)
        {
            using LogWorld world = Filled(seed: 63, out _);
            Assert.Equal(Errno.None, world.Run(world.Log!.RaiseTermCeilingAsync(500)));
            Assert.Equal(Errno.None, world.Run(world.Log.RaiseTermCeilingAsync(400))); // never goes back
            world.Crash();
            world.Device.Media.Slice((64 * 1024) + (pair * 32 * 1024), 8192).Clear();
            _ = world.TryOpen();
            Assert.Equal(500UL, world.Log!.TermCeiling);
        }
    }

    [Fact]
    public void A_segment_is_not_freed_before_the_loss_of_an_entry_in_it_is_noted()
    {
        using LogWorld world = Filled(seed: 60, out _);
        world.Crash();
        _ = world.TryOpen();
        world.Device.Fails = static (kind, offset, _) =>
            kind is Fastblock.Storage.Device.IoKind.Read && offset is >= LogStart and < LogStart + (64 * 1024);
        world.Lost = [];
        world.LossesSaved = Errno.NoSpace;
        world.Log!.StartCleaner(world, null);
        for (int i = 0; i < 3000 && world.Lost.Count == 0; i++)
        {
            world.CommitPairs();
            world.Iterate(3);
        }
        Assert.NotEmpty(world.Lost);
        world.Iterate(500);
        Assert.Equal(0, world.Log.Statistics.SegmentsFreed);
        world.LossesSaved = Errno.None;
        world.Iterate(5000); // the cleaner has slowed down
        Assert.True(world.Log.Statistics.SegmentsFreed > 0);
    }

    [Fact]
    public void Rot_in_the_last_batches_is_told_from_a_torn_tail_after_the_idle_seal()
    {
        using LogWorld world = Filled(seed: 53, out ulong last);
        world.Iterate(200); // long enough for the seal
        Assert.Equal(last + 1, world.Log!.DurableSequence);
        world.Device.Media[LogStart + FindBatch(world, last) + 40] ^= 4;
        world.Crash();
        _ = world.TryOpen();
        Assert.Contains(world.Corruptions, c => c.Kind is LogCorruptionKind.LostBatches && c.FirstSequence == last);
    }

    [Fact]
    public void A_rotten_payload_is_reported_with_its_entry_and_read_as_damaged()
    {
        using LogWorld world = Filled(seed: 54, out _);
        PgId group = world.Log!.Groups[0];
        Assert.True(world.Log.TryGetGroup(group, out LogGroupInfo info));
        ulong index = info.BaseIndex + 1;
        while (!world.Log.TryGetPayloadAt(group, index, out _)) { index++; }
        Assert.True(world.Log.TryGetPayloadAt(group, index, out LogLocation at));
        world.Device.Media[(64 * 1024) + (int)at.DeviceOffset + 100] ^= 1;
        world.Crash();
        _ = world.TryOpen();
        LogCorruption bad = Assert.Single(world.Corruptions);
        Assert.Equal((LogCorruptionKind.BadPayload, (PgId?)group, index), (bad.Kind, bad.Group, bad.Index));
        LogEntryBuffer buffer = new();
        Assert.Equal(Errno.BadMessage, world.Run(world.Log.ReadAsync(group, index, withPayload: true, buffer)));
        Assert.Equal(Errno.None, world.Run(world.Log.ReadAsync(group, index, withPayload: false, buffer)));
    }

    [Fact]
    public void A_rotten_payload_of_an_unapplied_entry_survives_cleaning_as_rotten()
    {
        using LogWorld world = Filled(seed: 55, out _);
        PgId group = world.Log!.Groups[0];
        _ = world.Stuck.Add((uint)group.Value);
        Assert.True(world.Log.TryGetGroup(group, out LogGroupInfo info));
        ulong index = info.BaseIndex + 1;
        while (!world.Log.TryGetPayloadAt(group, index, out _)) { index++; }
        Assert.True(world.Log.TryGetPayloadAt(group, index, out LogLocation at));
        world.Device.Media[(64 * 1024) + (int)at.DeviceOffset + 100] ^= 1;
        world.Crash();
        _ = world.TryOpen();
        world.Log.StartCleaner(world, null);
        for (int i = 0; i < 3000 && world.Log.Statistics.SegmentsFreed < 12; i++)
        {
            world.CommitPairs();
            world.Iterate(3);
        }
        Assert.True(world.Log.Statistics.SegmentsFreed >= 12);
        Assert.True(world.Log.TryGetPayloadAt(group, index, out LogLocation moved));
        Assert.NotEqual(at, moved);
        LogEntryBuffer buffer = new();
        Assert.Equal(Errno.BadMessage, world.Run(world.Log.ReadAsync(group, index, withPayload: true, buffer)));
        world.Crash();
        _ = world.TryOpen();
        Assert.Contains(world.Corruptions, c => c.Kind is LogCorruptionKind.BadPayload && c.Group == group && c.Index == index);
    }

    [Fact]
    public void An_unreadable_block_is_damage_not_a_torn_tail()
    {
        using LogWorld world = Filled(seed: 56, out ulong last);
        long bad = LogStart + FindBatch(world, last);
        world.Crash();
        world.Device.Fails = (kind, offset, bytes) => kind is Fastblock.Storage.Device.IoKind.Read && offset <= bad && bad < offset + bytes;
        LogOpenResult opened = world.TryOpen()!.Value;
        Assert.Equal(Errno.None, opened.Status);
        Assert.Contains(world.Corruptions, c => c.Kind is LogCorruptionKind.LostBatches && c.FirstSequence == last);
    }

    [Fact]
    public void A_failed_write_fails_the_log_and_everybody_hears_of_it()
    {
        using LogWorld world = new(57);
        Assert.True(world.TryOpenAndCheck());
        world.Append();
        world.Iterate(20);
        world.Device.Fails = (kind, _, _) => kind is Fastblock.Storage.Device.IoKind.Write;
        Listener listener = new();
        Assert.Equal(Errno.None, world.Log!.TryAppendReset(new PgId(9), 1, 0, 0, listener, out ulong sequence));
        ReactorTask<Errno> wait = world.Log.WaitDurableAsync(sequence);
        Assert.Equal(Errno.Io, world.Run(wait));
        Assert.Equal((0, 1), (listener.Durable, listener.Failed));
        Assert.Equal(Errno.Io, world.Log.TryAppendReset(new PgId(9), 2, 0, 0, listener, out _));
    }

    [Theory]
    [InlineData(61)]
    [InlineData(62)]
    public void Random_damage_never_crashes_and_never_goes_unnoticed(ulong seed)
    {
        for (int round = 0; round < 60; round++)
        {
            using LogWorld world = Filled(seed + (ulong)(round * 100), out ulong last);
            world.Iterate(200);
            last = world.Log!.DurableSequence;
            long end = LogStart + FindBatch(world, last); // the seal itself may go unnoticed: it holds nothing
            world.Crash();
            Damage(world, round, LogStart, end);
            LogOpenResult opened = world.TryOpen()!.Value;
            Assert.Equal(Errno.None, opened.Status);
            Assert.True(world.Corruptions.Count > 0 || opened.Log!.DurableSequence >= last - 1, "records were cut off silently");
            // Whatever is left can be worked with.
            world.Iterate(10);
            _ = opened.Log!.TryAppendReset(new PgId(77), 1, 0, 0, null, out _);
            world.Iterate(50);
            Assert.True(opened.Log.TryGetGroup(new PgId(77), out _));
        }
    }

    [Fact]
    public void Random_superblocks_and_random_logs_are_an_answer_not_a_crash()
    {
        for (ulong seed = 0; seed < 40; seed++)
        {
            using LogWorld world = Filled(70 + seed, out _);
            world.Close(); // else nothing but the log itself would know that there was something in it
            world.Crash();
            Span<byte> media = world.Device.Media;
            for (int at = LogStart; at < media.Length - 65536; at += 8) { BitConverter.TryWriteBytes(media[at..], world.Prng.Next()); }
            LogOpenResult opened = world.TryOpen()!.Value;
            Assert.Equal(Errno.None, opened.Status);
            Assert.NotEmpty(world.Corruptions);
        }
    }

    private sealed class Listener : ILogListener
    {
        public int Durable { get; private set; }
        public int Failed { get; private set; }

        public void OnLogDurable(ulong sequence) => Durable++;

        public void OnLogFailed(Errno status) => Failed++;
    }

    private static LogWorld Filled(ulong seed, out ulong last)
    {
        LogWorld world = new(seed, segments: 20) { TestCuts = false };
        Assert.True(world.TryOpenAndCheck(startCleaner: false));
        for (int i = 0; i < 60; i++)
        {
            world.Append();
            if (i % 5 == 0) { world.CommitPairs(); }
            world.Iterate(8);
        }
        last = world.Log!.DurableSequence;
        Assert.True(last > 50);
        return world;
    }

    private static void Damage(LogWorld world, int round, long start, long end)
    {
        Span<byte> media = world.Device.Media;
        int at = (int)(start + (long)world.Prng.Below((ulong)(end - start)));
        switch (round % 4)
        {
            case 0:
                media[at] ^= (byte)(1 << world.Prng.Below(8));
                break;
            case 1:
                media.Slice(at / 512 * 512, 512).Clear();
                break;
            case 2: // a misdirected write: one block in another's place
                media.Slice((int)start + (4096 * world.Prng.Below(10)), 4096).CopyTo(media[(at / 4096 * 4096)..]);
                break;
            default:
                for (int i = 0; i < 3 * 4096; i++) { media[Math.Min(at + i, (int)end - 1)] = unchecked((byte)world.Prng.Next()); }
                break;
        }
    }

    /// <summary>Offset of a batch in the log region.</summary>
    private static int FindBatch(LogWorld world, ulong sequence)
    {
        for (int at = 0; at < world.Device.Media.Length - LogStart; at += 4096)
        {
            if (BatchHeader.TryRead(world.Device.Media[(LogStart + at)..], out BatchHeader header) && header.Sequence == sequence) { return at; }
        }
        throw new InvalidOperationException($"no batch {sequence}");
    }
}

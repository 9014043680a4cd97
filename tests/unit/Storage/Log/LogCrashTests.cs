using System;
using Fastblock.Storage.Log;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Log;

/// <summary>Goal: after a power cut at any device write the log holds exactly what was acknowledged, possibly followed by what
/// came next, never anything else. Method: the same workload again and again, the power cut at write 1, 2, 3, ... until it
/// gets through; recover (with further cuts in the recovery), compare with the model, go on.</summary>
public class LogCrashTests
{
    [Theory]
    [InlineData(11, false)]
    [InlineData(12, true)]
    [InlineData(13, false)]
    public void A_power_cut_at_any_write_loses_nothing_acknowledged(ulong seed, bool lastWriteWhole)
    {
        bool cut = true;
        for (int n = 1; cut; n++)
        {
            Assert.True(n < 5000);
            using LogWorld world = new(seed);
            Assert.True(world.TryOpenAndCheck());
            world.Device.LastWriteWhole = lastWriteWhole;
            world.Device.CutAtWrite = world.Device.Writes + n;
            for (int step = 0; step < 250 && !world.Device.IsCut; step++) { world.Step(); }
            cut = world.Device.IsCut;
            world.Crash();
            Assert.True(world.TryOpenAndCheck(), $"cut at write {n}");
        }
    }

    /// <summary>The start of the log moves and the superblock is rewritten in the middle of it.</summary>
    [Theory]
    [InlineData(21, false)]
    [InlineData(22, true)]
    public void A_power_cut_while_a_full_ring_is_cleaned_loses_nothing_acknowledged(ulong seed, bool lastWriteWhole)
    {
        bool cut = true;
        for (int n = 1; cut; n++)
        {
            Assert.True(n < 5000);
            using LogWorld world = new(seed) { PayloadChance = 900_000 };
            Assert.True(world.TryOpenAndCheck(startCleaner: false));
            _ = world.Stuck.Add(1);
            while (world.Log!.FreeSegments >= world.Log.CleanBelow) { world.Step(); }
            world.Device.LastWriteWhole = lastWriteWhole;
            world.Device.CutAtWrite = world.Device.Writes + n;
            world.Log.StartCleaner(world, null);
            for (int step = 0; step < 60 && !world.Device.IsCut; step++) { world.Step(); }
            cut = world.Device.IsCut;
            world.Crash();
            Assert.True(world.TryOpenAndCheck(), $"cut at write {n}");
        }
    }

    [Theory]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(34)]
    public void Hundreds_of_crashes_in_one_life_lose_nothing_acknowledged(ulong seed)
    {
        using LogWorld world = new(seed, segments: 8 + (int)(seed % 4));
        Assert.True(world.TryOpenAndCheck());
        ulong freed = 0;
        for (int life = 0; life < 100; life++)
        {
            if (world.Prng.Chance(200_000)) { _ = world.Stuck.Add((uint)world.Prng.Below(world.Groups)); }
            if (world.Prng.Chance(300_000)) { world.Stuck.Clear(); }
            world.Device.LastWriteWhole = world.Prng.Chance(300_000);
            world.Device.CutAtWrite = world.Device.Writes + 1 + world.Prng.Below(60);
            for (int step = 0; step < 400 && !world.Device.IsCut; step++) { world.Step(); }
            freed += (ulong)world.Log!.Statistics.SegmentsFreed;
            world.Crash(onlyProcess: world.Prng.Chance(200_000));
            // Now and then the recovery itself is cut off, several times.
            for (int n = world.Prng.Below(4); n > 0; n--)
            {
                world.Device.CutAtWrite = world.Device.Writes + n;
                if (world.TryOpenAndCheck(startCleaner: false)) { break; }
                world.Crash();
            }
            if (world.Log is null)
            {
                world.Device.CutAtWrite = int.MaxValue;
                Assert.True(world.TryOpenAndCheck());
            }
            else { world.Log.StartCleaner(world, null); }
        }
        Assert.True(freed > 20, $"only {freed} segments were freed");
    }

    [Fact]
    public void A_stale_tail_is_never_taken_for_the_log_again()
    {
        // A batch that was cut off as torn lies there complete once its missing sectors happen to be filled in: by an equal
        // payload of the next life, or by a device that gives late what it held back. Its generation gives it away.
        using LogWorld world = new(41);
        Assert.True(world.TryOpenAndCheck(startCleaner: false));
        for (int i = 0; i < 40; i++) { world.Append(mayCut: false); world.Iterate(3); }
        world.Iterate(50);
        byte[] before = world.Device.Media.ToArray();
        ulong end = world.Log!.DurableSequence;
        for (int i = 0; i < 10; i++) { world.Append(mayCut: false); world.Iterate(3); }
        world.Iterate(50);
        byte[] after = world.Device.Media.ToArray();
        Assert.True(world.Log.DurableSequence > end);

        // The tail is lost (nothing of it had been acknowledged, as far as this life knows) ...
        before.CopyTo(world.Device.Media);
        world.Crash();
        LogOpenResult first = world.TryOpen()!.Value;
        Assert.Equal(end, first.Log!.DurableSequence);
        // ... and comes back after the log was opened without it.
        long logStart = 64 * 1024 * 2;
        byte[] now = world.Device.Media.ToArray();
        after.AsSpan((int)logStart).CopyTo(now.AsSpan((int)logStart));
        now.CopyTo(world.Device.Media);
        world.Crash();
        LogOpenResult second = world.TryOpen()!.Value;
        Assert.Equal(end, second.Log!.DurableSequence);
        Assert.Empty(world.Corruptions);
    }
}

using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Log;

/// <summary>The log as a whole against a naive model.</summary>
public class DiskLogTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_operations_over_many_rounds_of_the_ring_match_the_model(ulong seed)
    {
        using LogWorld world = new(seed);
        Assert.True(world.TryOpenAndCheck());
        for (int step = 0; step < 6000; step++)
        {
            world.Step();
            if (step % 1500 == 1499) { world.Check(); }
        }
        world.Iterate(200);
        world.Check();
        Assert.True(world.Log!.Statistics.SegmentsFreed > 30, $"freed {world.Log.Statistics.SegmentsFreed}");
        world.Close();
        Assert.True(world.TryOpenAndCheck());
        world.Close();
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void A_log_full_of_entries_that_may_not_go_refuses_more_but_keeps_metadata_going(ulong seed)
    {
        using LogWorld world = new(seed, segments: 10) { PayloadChance = 1_000_000, TestCuts = false };
        Assert.True(world.TryOpenAndCheck());
        for (uint group = 0; group < world.Groups; group++)
        {
            world.Append(group); // creates it
            _ = world.Stuck.Add(group);
        }
        int refused = 0;
        Assert.Equal(0, world.Log!.CleaningPressure);
        for (int i = 0; i < 3000 && refused < 200; i++)
        {
            world.Append((uint)(i % world.Groups));
            bool isRefused = world.LastStatus is Errno.NoSpace;
            if (isRefused) { Assert.Equal(100, world.Log.CleaningPressure); }
            refused += isRefused ? 1 : 0;
            world.Iterate(5);
        }
        Assert.True(refused >= 200, "entries were never refused");
        int committed = 0;
        for (int i = 0; i < 2000; i++)
        {
            long before = world.Log.Statistics.KvRecords;
            world.CommitPairs();
            committed += world.Log.Statistics.KvRecords > before ? 1 : 0;
            world.Iterate(10);
        }
        Assert.True(committed > 200, $"only {committed} commits got through; free {world.Log.FreeSegments}, freed {world.Log.Statistics.SegmentsFreed}, copied {world.Log.Statistics.CopiedEntries}");
        world.Check();
        world.Crash();
        Assert.True(world.TryOpenAndCheck());

        // A majority is back: the log empties by itself and takes entries again.
        world.Stuck.Clear();
        bool taken = false;
        for (int i = 0; i < 2000 && !taken; i++)
        {
            world.Advance();
            world.Iterate(10);
            world.Append(0);
            taken = world.LastStatus is Errno.None;
        }
        Assert.True(taken, $"nothing is taken; free {world.Log!.FreeSegments}");
        world.Close();
    }

    [Fact]
    public void Who_tries_a_full_log_again_and_again_does_not_keep_the_loop_going()
    {
        using LogWorld world = new(6, segments: 10) { PayloadChance = 1_000_000, TestCuts = false };
        Assert.True(world.TryOpenAndCheck());
        world.Append(0);
        _ = world.Stuck.Add(0);
        int refused = 0;
        for (int i = 0; i < 3000 && refused < 200; i++)
        {
            world.Append(0);
            refused += world.LastStatus is Errno.NoSpace ? 1 : 0;
            world.Iterate(5);
        }
        Assert.True(refused >= 200, "entries were never refused");
        int iterations = 0;
        for (int i = 0; i < 500; i++)
        {
            world.Append(0);
            iterations += world.Reactor.RunOnce() ? 1 : 0;
        }
        Assert.InRange(iterations, 0, 100);
        world.Close();
    }

    [Fact]
    public void Entries_nearly_as_large_as_a_segment_do_not_reserve_the_whole_log()
    {
        using LogWorld world = new(7, segments: 16) { PayloadChance = 1_000_000, MaxBlocks = 14, TestCuts = false };
        world.Options = world.Options with { MaxWriteBytes = 128 * 1024 };
        Assert.True(world.TryOpenAndCheck());
        int taken = 0;
        for (int i = 0; i < 600; i++)
        {
            world.Append(0);
            taken += world.LastStatus is Errno.None ? 1 : 0;
            world.Iterate(10);
            world.Advance();
            world.Iterate(40);
        }
        Assert.True(taken > 100, $"only {taken} were taken; free {world.Log!.FreeSegments}");
        world.Close();
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Log;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Log;

/// <summary>Goal: writers get slower while a long pass of the cleaner is under way, and do not stop. Method: a mover that takes as long as the
/// test wants it to.</summary>
public sealed class AppendPaceTests
{
    [Fact]
    public void New_entries_come_in_proportion_to_what_the_cleaner_has_done()
    {
        using LogWorld world = new(71, segments: 48);
        Assert.True(world.TryOpenAndCheck(startCleaner: false));
        DiskLog log = world.Log!;
        while (log.FreeSegments >= log.CleanBelow) { Append(world); }
        Assert.False(log.HoldsBackNewEntries, "nothing is being cleaned yet");
        SlowMover mover = new();
        log.StartCleaner(world, mover);
        while (!mover.IsAtWork) { world.Iterate(1); }

        foreach (int progress in new[] { 0, 250, 500, 750 })
        {
            mover.Progress = progress;
            Assert.False(log.HoldsBackNewEntries);
            AppendUntilHeldBack(world);
            long kept = log.PacedRoom * (AppendPace.Whole - progress) / AppendPace.Whole;
            Assert.InRange(log.EntryRoom, kept - (2L * log.SegmentBytes), kept);
        }

        int free = log.FreeSegments;
        mover.Finish();
        for (int i = 0; i < 200; i++) { world.Iterate(1); }
        Assert.False(log.HoldsBackNewEntries, "the pass has ended");
        Assert.True(log.FreeSegments > free);
    }

    private static void Append(LogWorld world)
    {
        world.Append(mayCut: false);
        world.Iterate(3);
    }

    private static void AppendUntilHeldBack(LogWorld world)
    {
        for (int i = 0; !world.Log!.HoldsBackNewEntries; i++)
        {
            Assert.True(i < 5000, "never held back");
            Append(world);
        }
    }

    /// <summary>Works on its first move until it is told to end; the others are done at once.</summary>
    private sealed class SlowMover : IBlockMover
    {
        private readonly ReactorSignal<bool> _end = new();
        private bool _isOver;

        public bool IsAtWork { get; private set; }

        public int Progress { get; set; }

        public void Finish() => _end.Set(true);

        public async ReactorTask<Errno> MoveHomeAsync(IReadOnlyList<LogRange> ranges, Func<int>? pressure = null)
        {
            if (_isOver) { return Errno.None; }
            IsAtWork = true;
            _ = await _end;
            (_isOver, Progress) = (true, 0);
            return Errno.None;
        }
    }
}

using Fastblock.Native.Base;
using Fastblock.Net.Codec;
using Fastblock.Roles.Client;
using Xunit;

namespace Fastblock.Tests.Unit.Client;

public sealed class SequenceWindowTests
{
    [Fact]
    public void The_lowest_unfinished_number_moves_over_what_is_finished_in_any_order()
    {
        SequenceWindow window = new();
        for (ulong i = 1; i <= 5; i++) { Assert.Equal(i, window.Take()); }
        window.Finish(2);
        window.Finish(3);
        Assert.Equal(1UL, window.LowestUnfinished);
        window.Finish(1);
        Assert.Equal(4UL, window.LowestUnfinished);
        window.Finish(5);
        window.Finish(4);
        Assert.Equal(6UL, window.LowestUnfinished);
    }

    [Fact]
    public void Is_full_at_its_size_and_wraps_for_ever()
    {
        SequenceWindow window = new();
        Prng prng = new(3);
        System.Collections.Generic.List<ulong> open = [];
        for (int round = 0; round < 50_000; round++)
        {
            if (window.HasRoom && prng.Below(2) == 0) { open.Add(window.Take()); }
            else if (open.Count > 0)
            {
                int pick = prng.Below(open.Count);
                window.Finish(open[pick]);
                open.RemoveAt(pick);
            }
            ulong lowest = window.Next;
            foreach (ulong sequence in open) { lowest = System.Math.Min(lowest, sequence); }
            Assert.Equal(lowest, window.LowestUnfinished);
        }
    }

    [Fact]
    public void Fits_twice_into_what_the_osds_remember() =>
        Assert.True(2 * SequenceWindow.Size <= DataLimits.SessionWindow);
}

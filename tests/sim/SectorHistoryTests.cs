using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Checks;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>The linearizability checker itself: it accepts what is possible and refuses what is not.</summary>
public sealed class SectorHistoryTests
{
    [Fact]
    public void A_read_returns_the_newest_acknowledged_write_and_nothing_older()
    {
        var sector = new SectorHistory();
        Write(sector, 1);
        Write(sector, 2);
        Assert.True(Read(sector, 2));
        Assert.False(Read(sector, 1));
    }

    [Fact]
    public void A_read_beside_a_write_may_return_either_but_never_the_old_one_after_the_new_one()
    {
        var sector = new SectorHistory();
        Write(sector, 1);
        int write = sector.Begin(SectorOpKind.Write, 2);
        Assert.True(Read(sector, 1));
        Assert.True(Read(sector, 2));
        Assert.False(Read(sector, 1));
        Assert.True(sector.EndWrite(write));
    }

    [Fact]
    public void A_read_that_began_before_a_write_may_return_what_was_there_before_it()
    {
        var sector = new SectorHistory();
        Write(sector, 1);
        int read = sector.Begin(SectorOpKind.Read, 0);
        Write(sector, 2);
        Write(sector, 3);
        int later = sector.Begin(SectorOpKind.Read, 0);
        Assert.True(sector.EndRead(read, 1));
        Assert.False(sector.EndRead(later, 2));
    }

    [Fact]
    public void Two_reads_beside_the_same_writes_must_agree_on_their_order()
    {
        var sector = new SectorHistory();
        int first = sector.Begin(SectorOpKind.Write, 1);
        int second = sector.Begin(SectorOpKind.Write, 2);
        int read = sector.Begin(SectorOpKind.Read, 0);
        Assert.True(sector.EndWrite(first));
        Assert.True(sector.EndWrite(second));
        Assert.True(sector.EndRead(read, 1)); // either order
        Assert.True(Read(sector, 2));         // then the second was the later one
        Assert.False(Read(sector, 1));
    }

    [Fact]
    public void A_write_without_an_answer_may_land_late_once_and_not_twice()
    {
        var sector = new SectorHistory();
        _ = sector.Begin(SectorOpKind.Write, 1);
        Write(sector, 2);
        Assert.True(Read(sector, 2));
        Assert.True(Read(sector, 1));
        Write(sector, 3);
        Assert.False(Read(sector, 1));
    }

    [Fact]
    public void A_write_that_was_ruled_out_never_lands_later()
    {
        var sector = new SectorHistory();
        int lost = sector.Begin(SectorOpKind.Write, 1);
        sector.EndUnknown(lost);
        Assert.True(Read(sector, 0));
        Assert.False(Read(sector, 1));
    }

    [Fact]
    public void A_failed_write_may_have_happened()
    {
        var sector = new SectorHistory();
        sector.EndUnknown(sector.Begin(SectorOpKind.Write, 1));
        Assert.True(Read(sector, 1));
        Assert.False(Read(sector, 0));
    }

    [Fact]
    public void Zeros_of_several_discards_are_told_apart_by_all_orders()
    {
        var sector = new SectorHistory();
        Write(sector, 0);
        int read = sector.Begin(SectorOpKind.Read, 0);
        int late = sector.Begin(SectorOpKind.Write, 0);
        Assert.True(sector.EndRead(read, 0));
        Write(sector, 5);
        Assert.True(Read(sector, 5));
        Assert.True(Read(sector, 0)); // the late one, after all
        Assert.True(sector.EndWrite(late));
        Assert.False(Read(sector, 5));
    }

    [Fact]
    public void A_discard_of_a_part_of_a_block_may_do_nothing()
    {
        var sector = new SectorHistory();
        Write(sector, 7);
        Assert.True(sector.EndWrite(sector.Begin(SectorOpKind.MaybeZero, 0)));
        Assert.True(Read(sector, 7));
        Assert.False(Read(sector, 0));
    }

    /// <summary>Random histories, short and crowded, some of them impossible: both checkers say the same of every operation.</summary>
    [Fact]
    public void Says_the_same_as_trying_every_order()
    {
        int refused = 0, wide = 0;
        for (ulong seed = 1; seed <= 20_000; seed++)
        {
            var prng = new Prng(seed);
            var sector = new SectorHistory();
            var exhaustive = new ExhaustiveSectorHistory();
            var underWay = new List<(int Slot, int OtherSlot, SectorOpKind Kind)>();
            int values = 1 + prng.Below(6), most = 2 + prng.Below(5);
            bool agreed = true;
            for (int step = 0; step < 30 && agreed; step++)
            {
                if (underWay.Count < most && prng.Below(2) == 0)
                {
                    SectorOpKind kind = prng.Below(2) == 0 ? SectorOpKind.Read : prng.Below(8) == 0 ? SectorOpKind.MaybeZero : SectorOpKind.Write;
                    long written = kind == SectorOpKind.MaybeZero ? 0 : prng.Below(values);
                    underWay.Add((sector.Begin(kind, written), exhaustive.Begin(kind, written), kind));
                    continue;
                }
                if (underWay.Count == 0) { continue; }
                int at = prng.Below(underWay.Count);
                (int slot, int other, SectorOpKind ended) = underWay[at];
                underWay.RemoveAt(at);
                if (prng.Below(8) == 0)
                {
                    sector.EndUnknown(slot);
                    exhaustive.EndUnknown(other);
                    continue;
                }
                long read = prng.Below(values);
                bool possible = ended == SectorOpKind.Read ? sector.EndRead(slot, read) : sector.EndWrite(slot);
                bool truth = ended == SectorOpKind.Read ? exhaustive.EndRead(other, read) : exhaustive.EndWrite(other);
                if (exhaustive.IsBlind)
                {
                    wide++;
                    break;
                }
                Assert.True(possible == truth, $"seed {seed}, step {step}: {ended} {read}: {possible}, but by all orders {truth}");
                agreed = truth;
            }
            refused += agreed ? 0 : 1;
        }
        Assert.InRange(refused, 2_000, 18_000);
        Assert.InRange(wide, 0, 200);
    }

    private static void Write(SectorHistory sector, long value) => Assert.True(sector.EndWrite(sector.Begin(SectorOpKind.Write, value)));

    private static bool Read(SectorHistory sector, long value) => sector.EndRead(sector.Begin(SectorOpKind.Read, 0), value);
}

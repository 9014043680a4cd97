using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Blobs;

public sealed class BlobTests
{
    [Fact]
    public void The_map_agrees_with_a_dictionary()
    {
        Prng prng = new(1);
        using UnmanagedMap<U64Key, ulong> map = new();
        Dictionary<ulong, ulong> model = [];
        for (int i = 0; i < 50_000; i++)
        {
            ulong key = prng.Below(500ul);
            if (prng.Chance(500_000))
            {
                map.Set(new U64Key(key), (ulong)i);
                model[key] = (ulong)i;
            }
            else { Assert.Equal(model.Remove(key), map.Remove(new U64Key(key))); }
            Assert.Equal(model.Count, map.Count);
            ulong probe = prng.Below(500ul);
            Assert.Equal(model.TryGetValue(probe, out ulong expected), map.TryGet(new U64Key(probe), out ulong value));
            Assert.Equal(expected, value);
        }
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(63u)]
    [InlineData(64u)]
    [InlineData(65u)]
    [InlineData(1000u)]
    public void The_bitmap_hands_out_every_unit_once_and_again_after_its_release(uint count)
    {
        using AuBitmap bitmap = new(count);
        Assert.Equal(count, bitmap.Free);
        HashSet<uint> taken = [];
        for (uint i = 0; i < count; i++)
        {
            uint au = bitmap.TryAllocate();
            Assert.True(au < count && taken.Add(au));
        }
        Assert.Equal(BlobGeometry.None, bitmap.TryAllocate());
        Assert.False(bitmap.TryMark(count / 2));
        bitmap.Release(count / 2);
        Assert.Equal(count / 2, bitmap.TryAllocate());
        Assert.False(bitmap.TryMark(count));
    }

    [Fact]
    public void Units_allocated_one_after_the_other_lie_one_after_the_other()
    {
        using AuBitmap bitmap = new(300);
        for (uint i = 0; i < 300; i++) { Assert.Equal(i, bitmap.TryAllocate()); }
    }

    [Fact]
    public void Pages_agree_with_a_set_and_give_their_units_back()
    {
        Prng prng = new(2);
        BlobGeometry geometry = new(0, 40 * 16384, 16384);
        using AuBitmap bitmap = new(geometry.AuCount);
        using PageAllocator pages = new(geometry, bitmap);
        List<uint> held = [];
        for (int i = 0; i < 20_000; i++)
        {
            if (prng.Chance(i % 4000 < 2000 ? 600_000 : 400_000))
            {
                uint page = pages.TryAllocate();
                Assert.Equal(page == BlobGeometry.None, held.Count == 160);
                if (page == BlobGeometry.None) { continue; }
                Assert.DoesNotContain(page, held);
                held.Add(page);
            }
            else if (held.Count > 0)
            {
                int at = prng.Below(held.Count);
                pages.Release(held[at]);
                held.RemoveAt(at);
            }
            Assert.Equal(held.Count, pages.UsedPages);
            Assert.Equal((pages.UnitCount * 4) - held.Count, pages.FreePages);
            Assert.Equal(geometry.AuCount - (uint)pages.UnitCount, bitmap.Free);
        }
        foreach (uint page in held) { pages.Release(page); }
        Assert.Equal(geometry.AuCount, bitmap.Free);
    }

    [Fact]
    public void A_page_and_a_unit_cannot_be_marked_over_each_other()
    {
        BlobGeometry geometry = new(0, 8 * 16384, 16384);
        using Blobstore blobs = new(geometry);
        Assert.True(blobs.TryMarkAu(1));
        Assert.False(blobs.TryMarkPage(5));
        Assert.True(blobs.TryMarkPage(8));
        Assert.False(blobs.TryMarkPage(8));
        Assert.True(blobs.TryMarkPage(9));
        Assert.False(blobs.TryMarkAu(2));
        Assert.False(blobs.TryMarkPage(32));
    }

    [Fact]
    public void Dropped_space_waits_for_its_record_and_for_older_reads_only()
    {
        using Blobstore blobs = new(new BlobGeometry(0, 8 * 16384, 16384));
        uint au = blobs.TryAllocateAu();
        ReadPin old = new(), young = new();
        blobs.DropAu(au);
        blobs.Advance(100);
        Assert.Equal(7u, blobs.FreeAus); // no record says so
        blobs.CommitDropped(1, sequence: 5);
        blobs.Advance(4);
        Assert.Equal(7u, blobs.FreeAus); // not durable
        blobs.Pins.Begin(old);
        blobs.Advance(5);
        Assert.Equal(7u, blobs.FreeAus); // a read is under way
        blobs.Pins.Begin(young);
        blobs.Pins.End(old);
        blobs.Advance(5);
        Assert.Equal(8u, blobs.FreeAus);
        Assert.Equal(0, blobs.LeavingAus);
        blobs.Pins.End(young);
        Assert.Equal(0, blobs.Pins.Active);
    }
}

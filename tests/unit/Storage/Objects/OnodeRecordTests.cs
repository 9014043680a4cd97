using System;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;
using Fastblock.Storage.Objects;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

public sealed class OnodeRecordTests
{
    private const int Slots = 64;
    private const int BlocksPerUnit = 16;

    [Fact]
    public void Golden_bytes()
    {
        byte[] key = new byte[OnodeRecord.ObjectKeyBytes];
        OnodeRecord.WriteKey(new ObjectKey(0x0000000100000002, 0x33, 0x44), key);
        Assert.Equal("6F0000000100000002000000000000003300000044", Convert.ToHexString(key));
        uint[] units = new uint[Slots];
        ulong[] present = new ulong[Slots * BlocksPerUnit / 64];
        Array.Fill(units, Onode.Unmapped);
        (units[2], units[3], units[5]) = (7, 8, 4);
        present[0] = 0xFFFF_0000_0000_0000 >> 16; // slot 2 whole
        present[0] |= 1UL << 48; // slot 3, block 0
        present[1] = 1UL << (16 + 15); // slot 5, block 15
        byte[] value = new byte[OnodeRecord.MaxBytes(Slots, Slots * BlocksPerUnit)];
        OnodeRecord.Header header = new() { Version = 0x0102030405060708, CrcPage = 9, CrcPageSum = 0xA1B2C3D4 };
        int bytes = OnodeRecord.Write(in header, units, present, BlocksPerUnit, value);
        Assert.Equal(
            "010002000000000008070605040302010900" + "0000D4C3B2A1" + "0200020007000000" + "0500010004000000" + "FFFF01000080",
            Convert.ToHexString(value.AsSpan(0, bytes)));
    }

    [Fact]
    public void Random_objects_round_trip()
    {
        Prng prng = new(1);
        for (int i = 0; i < 500; i++)
        {
            int perUnit = 1 << prng.Below(5);
            int slots = 1 + prng.Below(64);
            (uint[] units, ulong[] present) = Random(prng, slots, perUnit);
            byte[] value = new byte[OnodeRecord.MaxBytes(slots, slots * perUnit)];
            OnodeRecord.Header header = new() { Version = prng.Next(), CrcPage = 5, CrcPageSum = 6 };
            int bytes = OnodeRecord.Write(in header, units, present, perUnit, value);
            uint[] unitsBack = new uint[slots];
            ulong[] presentBack = new ulong[present.Length];
            Assert.True(OnodeRecord.TryRead(value.AsSpan(0, bytes), unitsBack, presentBack, perUnit, out OnodeRecord.Header back));
            Assert.Equal(header.Version, back.Version);
            Assert.Equal(present, presentBack);
            for (int s = 0; s < slots; s++)
            {
                bool stored = OnodeRecord.CountBits(present, s * perUnit, perUnit) > 0;
                Assert.Equal(stored ? units[s] : Onode.Unmapped, unitsBack[s]);
            }
        }
    }

    [Fact]
    public void Truncated_flipped_and_random_bytes_are_an_answer()
    {
        Prng prng = new(2);
        uint[] unitsBack = new uint[Slots];
        ulong[] presentBack = new ulong[Slots * BlocksPerUnit / 64];
        (uint[] units, ulong[] present) = Random(prng, Slots, BlocksPerUnit);
        byte[] value = new byte[OnodeRecord.MaxBytes(Slots, Slots * BlocksPerUnit)];
        OnodeRecord.Header header = new() { Version = 3, CrcPage = 5 };
        int bytes = OnodeRecord.Write(in header, units, present, BlocksPerUnit, value);
        for (int length = 0; length < bytes; length++)
        {
            Assert.False(OnodeRecord.TryRead(value.AsSpan(0, length), unitsBack, presentBack, BlocksPerUnit, out _));
        }
        for (int bit = 0; bit < bytes * 8; bit++)
        {
            value[bit / 8] ^= (byte)(1 << (bit % 8));
            _ = OnodeRecord.TryRead(value.AsSpan(0, bytes), unitsBack, presentBack, BlocksPerUnit, out _);
            value[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        byte[] noise = new byte[200];
        for (int i = 0; i < 5000; i++)
        {
            for (int b = 0; b < noise.Length; b++) { noise[b] = (byte)prng.Below(256); }
            (noise[0], noise[1]) = (1, (byte)prng.Below(2));
            noise.AsSpan(2, 6).Clear();
            noise[2] = (byte)prng.Below(12);
            int length = prng.Below(noise.Length);
            _ = OnodeRecord.TryRead(noise.AsSpan(0, length), unitsBack, presentBack, BlocksPerUnit, out _);
            _ = OnodeRecord.TryReadKey(noise.AsSpan(0, length), out _);
            _ = OnodeRecord.TryReadPurge(noise.AsSpan(0, length), noise, out _, out _);
            Assert.NotNull(ObjectInspect.Describe(noise.AsSpan(0, length), noise, Slots, BlocksPerUnit));
        }
    }

    [Fact]
    public void The_sum_of_a_checksum_page_knows_its_object_and_its_place()
    {
        byte[] page = new byte[4096];
        ObjectKey key = new(1, 2, 3);
        uint sum = CrcPageFormat.Sum(key, 4, page);
        Assert.NotEqual(sum, CrcPageFormat.Sum(key, 5, page));
        Assert.NotEqual(sum, CrcPageFormat.Sum(key with { Index = 4 }, 4, page));
        page[4095] = 1;
        Assert.NotEqual(sum, CrcPageFormat.Sum(key, 4, page));
        Assert.Equal(BlobGeometry.None, Onode.Unmapped);
    }

    private static (uint[] Units, ulong[] Present) Random(Prng prng, int slots, int perUnit)
    {
        uint[] units = new uint[slots];
        ulong[] present = new ulong[((slots * perUnit) + 63) / 64];
        uint next = 1;
        bool full = prng.Chance(300_000);
        for (int s = 0; s < slots; s++)
        {
            units[s] = prng.Chance(300_000) ? Onode.Unmapped : prng.Chance(700_000) ? ++next : next += 5;
            for (int b = 0; b < perUnit && units[s] != Onode.Unmapped; b++)
            {
                int block = (s * perUnit) + b;
                if (full || prng.Chance(600_000)) { present[block / 64] |= 1UL << (block % 64); }
            }
        }
        return (units, present);
    }
}

using System;
using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.Unit.Native;

public sealed class Crc32CTests
{
    [Fact]
    public void Gives_the_published_check_values()
    {
        Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8));
        Assert.Equal(0u, Crc32C.Compute([]));
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32])); // RFC 3720 B.4: 32 bytes of zeros
        byte[] ones = new byte[32];
        Array.Fill(ones, (byte)0xFF);
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(ones));
    }

    [Fact]
    public void Agrees_with_a_naive_table_for_every_length_and_alignment()
    {
        byte[] data = Random(20_000, seed: 1);
        for (int length = 0; length < 9000; length += length < 1200 ? 1 : 37)
        {
            int offset = length % 13;
            ReadOnlySpan<byte> piece = data.AsSpan(offset, length);
            Assert.Equal(Naive(piece), Crc32C.Compute(piece));
        }
        Assert.Equal(Naive(data), Crc32C.Compute(data));
    }

    [Fact]
    public void Append_continues_where_another_call_ended()
    {
        byte[] data = Random(10_000, seed: 2);
        uint whole = Crc32C.Compute(data);
        for (int cut = 0; cut <= data.Length; cut += 97)
        {
            Assert.Equal(whole, Crc32C.Append(Crc32C.Compute(data.AsSpan(0, cut)), data.AsSpan(cut)));
        }
    }

    [Fact]
    public void Combine_joins_two_checksums_without_the_data()
    {
        byte[] data = Random(10_000, seed: 3);
        uint whole = Crc32C.Compute(data);
        for (int cut = 0; cut <= data.Length; cut += 101)
        {
            ReadOnlySpan<byte> second = data.AsSpan(cut);
            Assert.Equal(whole, Crc32C.Combine(Crc32C.Compute(data.AsSpan(0, cut)), Crc32C.Compute(second), second.Length));
        }
    }

    [Fact]
    public void Combine_works_for_lengths_beyond_memory()
    {
        // Appending 2^40 zero bytes in one step equals doing it in two.
        uint crc = Crc32C.Compute("x"u8);
        long half = 1L << 39;
        uint once = Crc32C.Combine(crc, 0, 2 * half);
        Assert.Equal(once, Crc32C.Combine(Crc32C.Combine(crc, 0, half), 0, half));
    }

    private static byte[] Random(int length, ulong seed)
    {
        Prng prng = new(seed);
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++) { data[i] = (byte)prng.Below(256); }
        return data;
    }

    private static uint Naive(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++) { crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1; }
        }
        return ~crc;
    }
}

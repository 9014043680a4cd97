using System;
using Fastblock.Net.Codec;
using Xunit;

namespace Fastblock.Tests.Unit.Codec;

public sealed class WireReaderTests
{
    [Fact]
    public void Values_are_little_endian_and_come_back_in_order()
    {
        byte[] bytes = new byte[64];
        WireWriter writer = new(bytes);
        writer.U8(1);
        writer.U16(0x0203);
        writer.U32(0x04050607);
        writer.U64(0x08090A0B0C0D0E0F);
        writer.Zeros(2);
        writer.U32List([7, 8]);
        Assert.Equal(new byte[] { 1, 3, 2, 7, 6, 5, 4, 0x0F }, bytes[..8]);

        WireReader reader = new(bytes.AsSpan(0, writer.Position));
        Assert.True(reader.TryU8(out byte u8) && u8 == 1);
        Assert.True(reader.TryU16(out ushort u16) && u16 == 0x0203);
        Assert.True(reader.TryU32(out uint u32) && u32 == 0x04050607);
        Assert.True(reader.TryU64(out ulong u64) && u64 == 0x08090A0B0C0D0E0F);
        Assert.True(reader.TryBytes(2, out _));
        Assert.True(reader.TryU32List(2, out ReadOnlySpan<uint> list) && list[1] == 8);
        Assert.Equal(0, reader.Remaining);
    }

    [Fact]
    public void A_read_past_the_end_fails_and_does_not_move()
    {
        WireReader reader = new(new byte[3]);
        Assert.False(reader.TryU32(out _));
        Assert.False(reader.TryU64(out _));
        Assert.False(reader.TryBytes(4, out _));
        Assert.False(reader.TryBytes(-1, out _));
        Assert.False(reader.TryU32List(int.MaxValue, out _));
        Assert.Equal(3, reader.Remaining);
        Assert.True(reader.TryU16(out _));
        Assert.False(reader.TryU16(out _));
        Assert.True(reader.TryU8(out _));
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Net.Codec;
using Xunit;

namespace Fastblock.Tests.Unit.Codec;

public sealed class DataRequestTests
{
    private static readonly uint[] Crcs = [0xA1A2A3A4, 0xB1B2B3B4];

    private static DataRequest Sample() => new()
    {
        Tag = 0x0102030405060708,
        Op = DataOp.Write,
        Flags = DataFlags.Resent,
        Pg = new PgId(new PoolId(3), 0x11),
        Epoch = new Epoch(0x21),
        Image = new ImageId(0x31),
        ObjectIndex = 0x41,
        OffsetBytes = 4096 + 512,
        LengthBytes = 4096,
        OwnerGeneration = 0x51,
        Sequence = 0x62,
        LowestUnfinished = 0x61,
        ImageSizeBytes = 0x71000,
        BlockCrcs = Crcs,
    };

    private static byte[] Bytes(DataRequest request)
    {
        byte[] body = new byte[DataRequest.HeaderBytes + request.BlockCrcs.Length * 4];
        Assert.Equal(body.Length, request.Write(body));
        return body;
    }

    private static bool Reads(DataRequest request, int payloadBytes) =>
        DataRequest.TryRead(Bytes(request), payloadBytes, out _);

    [Fact]
    public void Has_the_documented_layout() => Assert.Equal(
        "0807060504030201" + "04" + "02" + "0200" + "00100000"
        + "1100000003000000" + "2100000000000000" + "3100000000000000" + "41000000" + "00120000"
        + "5100000000000000" + "6200000000000000" + "6100000000000000" + "0010070000000000"
        + "00000000000000000000000000000000" + "A4A3A2A1" + "B4B3B2B1",
        Convert.ToHexString(Bytes(Sample())));

    [Fact]
    public void Reads_what_it_wrote()
    {
        byte[] body = Bytes(Sample());
        Assert.True(DataRequest.TryRead(body, 2 * Units.BlockBytes, out DataRequest read));
        Assert.Equal(body, Bytes(read));
        Assert.Equal(1, read.FirstBlock);
        Assert.Equal(2, read.Blocks);
        Assert.True(read.BlockCrcs.SequenceEqual(Crcs));
    }

    [Fact]
    public void Refuses_every_truncation_and_every_extra_byte()
    {
        byte[] body = Bytes(Sample());
        for (int length = 0; length < body.Length; length++)
        {
            Assert.False(DataRequest.TryRead(body.AsSpan(0, length), 2 * Units.BlockBytes, out _));
        }
        Assert.False(DataRequest.TryRead([.. body, 0], 2 * Units.BlockBytes, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4096)]
    [InlineData(4096 + 512)]
    [InlineData(3 * 4096)]
    public void Refuses_a_payload_that_is_not_the_touched_blocks(int payloadBytes) =>
        Assert.False(Reads(Sample(), payloadBytes));

    [Fact]
    public void Refuses_what_no_client_sends()
    {
        DataRequest unalignedOffset = Sample();
        unalignedOffset.OffsetBytes++;
        Assert.False(Reads(unalignedOffset, 2 * Units.BlockBytes));

        DataRequest unknownFlag = Sample();
        unknownFlag.Flags = (DataFlags)0x80;
        Assert.False(Reads(unknownFlag, 2 * Units.BlockBytes));

        DataRequest noSequence = Sample();
        noSequence.Sequence = 0;
        Assert.False(Reads(noSequence, 2 * Units.BlockBytes));

        DataRequest lowestAboveOwn = Sample();
        lowestAboveOwn.LowestUnfinished = lowestAboveOwn.Sequence + 1;
        Assert.False(Reads(lowestAboveOwn, 2 * Units.BlockBytes));

        DataRequest nobody = Sample();
        nobody.OwnerGeneration = 0;
        Assert.False(Reads(nobody, 2 * Units.BlockBytes));

        DataRequest missingCrc = Sample();
        missingCrc.BlockCrcs = missingCrc.BlockCrcs[..1];
        Assert.False(Reads(missingCrc, Units.BlockBytes));

        DataRequest wraps = Sample();
        wraps.OffsetBytes = uint.MaxValue - 511;
        Assert.False(Reads(wraps, 2 * Units.BlockBytes));
    }

    [Theory]
    [InlineData((byte)DataOp.OpenSession, 0u, 0u, true)]
    [InlineData((byte)DataOp.OpenSession, 0u, 512u, false)]
    [InlineData((byte)DataOp.CloseSession, 0u, 0u, true)]
    [InlineData((byte)DataOp.Read, 512u, 512u, true)]
    [InlineData((byte)DataOp.Read, 0u, 0u, false)]
    [InlineData((byte)DataOp.Read, 0u, 512u * 1024, true)]
    [InlineData((byte)DataOp.Read, 512u, 512u * 1024, false)]
    [InlineData((byte)DataOp.BlockMap, 0u, 32u * 1024 * 1024, true)]
    [InlineData((byte)DataOp.BlockMap, 512u, 32u * 1024 * 1024, false)]
    [InlineData((byte)DataOp.None, 0u, 0u, false)]
    [InlineData((byte)99, 0u, 512u, false)]
    public void Checks_the_range_by_operation(byte op, uint offsetBytes, uint lengthBytes, bool expected)
    {
        DataRequest request = new()
        {
            Op = (DataOp)op,
            OffsetBytes = offsetBytes,
            LengthBytes = lengthBytes,
            OwnerGeneration = 1,
        };
        Assert.Equal(expected, Reads(request, 0));
    }

    [Fact]
    public void Survives_bit_flips_and_random_bytes()
    {
        byte[] body = Bytes(Sample());
        for (int bit = 0; bit < body.Length * 8; bit++)
        {
            byte[] flipped = [.. body];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            if (DataRequest.TryRead(flipped, 2 * Units.BlockBytes, out DataRequest read))
            {
                Assert.Equal(2, read.BlockCrcs.Length);
            }
        }
        Prng prng = new(1);
        byte[] random = new byte[256];
        for (int round = 0; round < 20_000; round++)
        {
            for (int i = 0; i < random.Length; i++) { random[i] = unchecked((byte)prng.Next()); }
            _ = DataRequest.TryRead(random.AsSpan(0, prng.Below(random.Length + 1)), prng.Below(1 << 20), out _);
        }
    }

    [Theory]
    [InlineData(0u, 0u, 0)]
    [InlineData(0u, 512u, 1)]
    [InlineData(3584u, 512u, 1)]
    [InlineData(3584u, 1024u, 2)]
    [InlineData(4096u, 4096u, 1)]
    [InlineData(512u, 8192u, 3)]
    public void Counts_touched_blocks(uint offsetBytes, uint lengthBytes, int blocks) =>
        Assert.Equal(blocks, DataLimits.TouchedBlocks(offsetBytes, lengthBytes));
}

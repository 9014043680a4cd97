using System;
using Fastblock.Native.Base;
using Fastblock.Net.Codec;
using Fastblock.Net.Transport;
using Xunit;

namespace Fastblock.Tests.Unit.Codec;

public sealed class DataReplyTests
{
    private static readonly uint[] Crcs = [0xA1A2A3A4];

    private static DataReply Sample() => new()
    {
        Tag = 0x0102030405060708,
        Status = DataStatus.NotLeader,
        Flags = DataReplyFlags.HasHint,
        LeaderHint = new OsdId(0x11),
        Pg = new PgId(new PoolId(2), 0x21),
        Epoch = new Epoch(0x31),
        OwnerGeneration = 0x41,
        BlockCrcs = Crcs,
        Map = [0xFF, 0x01],
    };

    private static byte[] Bytes(DataReply reply)
    {
        byte[] body = new byte[DataReply.HeaderBytes + reply.BlockCrcs.Length * 4 + reply.Map.Length];
        Assert.Equal(body.Length, reply.Write(body));
        return body;
    }

    [Fact]
    public void Has_the_documented_layout() => Assert.Equal(
        "0807060504030201" + "01" + "01" + "0100" + "11000000" + "2100000002000000" + "3100000000000000"
        + "4100000000000000" + "0200" + "000000000000" + "A4A3A2A1" + "FF01",
        Convert.ToHexString(Bytes(Sample())));

    [Fact]
    public void Reads_what_it_wrote()
    {
        byte[] body = Bytes(Sample());
        Assert.True(DataReply.TryRead(body, Units.BlockBytes, out DataReply read));
        Assert.Equal(body, Bytes(read));
    }

    [Fact]
    public void Refuses_truncations_extra_bytes_and_foreign_payloads()
    {
        byte[] body = Bytes(Sample());
        for (int length = 0; length < body.Length; length++)
        {
            Assert.False(DataReply.TryRead(body.AsSpan(0, length), Units.BlockBytes, out _));
        }
        Assert.False(DataReply.TryRead([.. body, 0], Units.BlockBytes, out _));
        Assert.False(DataReply.TryRead(body, 0, out _));
        Assert.False(DataReply.TryRead(body, 2 * Units.BlockBytes, out _));
    }

    [Fact]
    public void Refuses_an_unknown_status_and_a_map_over_the_limit()
    {
        byte[] body = Bytes(Sample());
        body[8] = (byte)DataStatus.Last + 1;
        Assert.False(DataReply.TryRead(body, Units.BlockBytes, out _));
        DataReply big = Sample();
        big.Map = new byte[DataLimits.MaxMapBytes + 1];
        Assert.False(DataReply.TryRead(Bytes(big), Units.BlockBytes, out _));
    }

    [Fact]
    public void Survives_bit_flips_and_random_bytes()
    {
        byte[] body = Bytes(Sample());
        for (int bit = 0; bit < body.Length * 8; bit++)
        {
            byte[] flipped = [.. body];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            if (DataReply.TryRead(flipped, Units.BlockBytes, out DataReply read)) { Assert.Equal(1, read.BlockCrcs.Length); }
        }
        Prng prng = new(2);
        byte[] random = new byte[128];
        for (int round = 0; round < 20_000; round++)
        {
            for (int i = 0; i < random.Length; i++) { random[i] = unchecked((byte)prng.Next()); }
            _ = DataReply.TryRead(random.AsSpan(0, prng.Below(random.Length + 1)), prng.Below(1 << 20), out _);
        }
    }

    [Fact]
    public void The_limits_fit_into_a_frame()
    {
        Assert.True(DataRequest.HeaderBytes + DataLimits.MaxBlocks * 4 <= NetLimits.MaxBodyBytes);
        Assert.True(DataReply.HeaderBytes + DataLimits.MaxBlocks * 4 + DataLimits.MaxMapBytes <= NetLimits.MaxBodyBytes);
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Xunit;

namespace Fastblock.Tests.Unit.Net;

/// <summary>Golden bytes of docs/wire-protocol.md §1 and §2.</summary>
public sealed class FrameHeaderTests
{
    [Fact]
    public void A_header_has_its_documented_bytes()
    {
        byte[] header = new byte[FrameHeader.SizeBytes];
        FrameHeader.Write(header, FrameType.DataRequest, "body"u8, 4096);
        Assert.Equal("46424C3110000000" + "0400000000100000" + "0000000000000000" + "00000000", Convert.ToHexString(header[..28]));
        byte[] covered = [.. header[..28], .. "body"u8];
        Assert.Equal(Crc32C.Compute(covered), BitConverter.ToUInt32(header, 28));
        Assert.True(FrameHeader.TryRead(header, out FrameHeader read));
        Assert.Equal(FrameType.DataRequest, read.Type);
        Assert.Equal(4, read.BodyBytes);
        Assert.Equal(4096, read.PayloadBytes);
        Assert.True(read.Matches(header, "body"u8));
        Assert.False(read.Matches(header, "bodz"u8));
    }

    [Fact]
    public void Every_single_bit_flip_of_header_or_body_is_noticed()
    {
        byte[] frame = new byte[FrameHeader.SizeBytes + 8];
        "bodybody"u8.CopyTo(frame.AsSpan(FrameHeader.SizeBytes));
        FrameHeader.Write(frame, FrameType.Raft, frame.AsSpan(FrameHeader.SizeBytes), 512);
        for (int bit = 0; bit < frame.Length * 8; bit++)
        {
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
            bool isAccepted = FrameHeader.TryRead(frame, out FrameHeader header) && header.BodyBytes == 8
                && header.Matches(frame, frame.AsSpan(FrameHeader.SizeBytes));
            Assert.False(isAccepted);
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Theory]
    [InlineData((int)FrameType.DataRequest, NetLimits.MaxBodyBytes, 0, true)]
    [InlineData((int)FrameType.DataRequest, NetLimits.MaxBodyBytes + 1, 0, false)]
    [InlineData((int)FrameType.Control, NetLimits.MaxControlBytes, 0, true)]
    [InlineData((int)FrameType.Control, NetLimits.MaxControlBytes + 1, 0, false)]
    [InlineData((int)FrameType.Raft, 0, NetLimits.MaxPayloadBytes, true)]
    [InlineData((int)FrameType.Raft, 0, NetLimits.MaxPayloadBytes + 1, false)]
    [InlineData((int)FrameType.Raft, -1, 0, false)]
    [InlineData((int)FrameType.Raft, 0, int.MinValue, false)]
    public void Lengths_are_bounded_before_use(int type, int body, int payload, bool isGood)
    {
        byte[] header = new byte[FrameHeader.SizeBytes];
        FrameHeader.Write(header, (FrameType)type, default, 0);
        _ = BitConverter.TryWriteBytes(header.AsSpan(8), body);
        _ = BitConverter.TryWriteBytes(header.AsSpan(12), payload);
        Assert.Equal(isGood, FrameHeader.TryRead(header, out _));
    }

    [Fact]
    public void A_hello_has_its_documented_bytes()
    {
        Hello hello = new()
        {
            Role = PeerRole.Osd,
            NodeId = 0x01020304,
            Shard = 0x0506,
            Features = 0x1112131415161718,
            RequiredFeatures = 0x2122232425262728,
            Cluster = new Guid("00112233-4455-6677-8899-aabbccddeeff"),
            Instance = new Guid("f0e1d2c3-b4a5-9687-7869-5a4b3c2d1e0f"),
        };
        byte[] body = new byte[HelloCodec.SizeBytes];
        HelloCodec.Write(body, in hello);
        Assert.Equal(
            "0100020004030201" + "0605000000000000" + "1817161514131211" + "2827262524232221"
            + "00112233445566778899AABBCCDDEEFF" + "F0E1D2C3B4A5968778695A4B3C2D1E0F", Convert.ToHexString(body));
        Assert.True(HelloCodec.TryRead(body, out Hello read));
        Assert.Equal(hello, read);
        Assert.True(HelloCodec.TryRead([.. body, 1, 2, 3], out read)); // a newer, longer hello
        Assert.Equal(hello, read);
        for (int length = 0; length < HelloCodec.SizeBytes; length++)
        {
            Assert.False(HelloCodec.TryRead(body.AsSpan(0, length), out _));
        }
        Assert.False(HelloCodec.TryRead(new byte[HelloCodec.MaxBytes + 1], out _));
    }

    [Theory]
    [InlineData("127.0.0.1:80", "127.0.0.1:80")]
    [InlineData("127.0.0.1", "127.0.0.1:7000")]
    [InlineData("[::1]:80", "[::1]:80")]
    [InlineData("::1", "[::1]:7000")]
    public void Addresses_are_read_with_and_without_port(string text, string expected)
    {
        Assert.True(NetAddress.TryParse(text, 7000, out NetAddress? address));
        Assert.Equal(expected, address.ToString());
    }
}

using System;
using System.Diagnostics;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Net.Transport.Tcp;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>Goal: whatever a peer sends, the connection ends or the frame is good, and the listener serves the next one.
/// Method: raw sockets that say damaged hellos and frames; afterwards a proper client connects, and all memory is back.</summary>
[Collection("kernel")]
public sealed class HostilePeerTests : IDisposable
{
    private static readonly TcpTransportOptions Options = new() { HelloTimeoutNanos = 500 * Units.NanosPerMilli };

    private readonly TransportRig _rig = new(Options);
    private readonly TcpStreams _raw;

    public HostilePeerTests() => _raw = new TcpStreams(_rig.Rig.Reactor);

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void Every_truncation_of_a_hello_and_a_frame_is_survived()
    {
        byte[] conversation = Conversation(out _);
        for (int length = 0; length < conversation.Length; length += length < 200 ? 1 : 61)
        {
            RawPeer peer = Say(conversation.AsSpan(0, length));
            peer.Stream.CloseWhenSent(Errno.Canceled);
            _rig.Rig.Until(() => peer.IsClosed);
        }
        StillWorks();
    }

    [Fact]
    public void Every_bit_flip_ends_the_connection_or_changes_nothing_that_is_checked()
    {
        byte[] conversation = Conversation(out int checkedBytes);
        for (int bit = 0; bit < checkedBytes * 8; bit += 3)
        {
            byte[] damaged = [.. conversation];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            int before = _rig.Accepted.Count;
            RawPeer peer = Say(damaged);
            peer.Stream.CloseWhenSent(Errno.Canceled); // a longer length makes the other side wait for more
            _rig.Rig.Until(() => peer.IsClosed);
            foreach (TransportRig.Peer accepted in _rig.Accepted.Skip(before)) { Assert.Equal(0, accepted.Frames); }
        }
        StillWorks();
    }

    [Fact]
    public void Random_bytes_end_the_connection()
    {
        Random random = new(3);
        for (int round = 0; round < 200; round++)
        {
            byte[] noise = new byte[random.Next(1, 5000)];
            random.NextBytes(noise);
            if (round % 2 == 0) { TcpTransportTests.HelloFrame().CopyTo(noise = [.. new byte[96], .. noise], 0); }
            RawPeer peer = Say(noise);
            if (noise.Length < FrameHeader.SizeBytes * 4) { peer.Stream.CloseWhenSent(Errno.Canceled); }
            _rig.Rig.Until(() => peer.IsClosed);
        }
        StillWorks();
    }

    [Theory]
    [InlineData((int)FrameType.Control, NetLimits.MaxControlBytes + 1, 0)]
    [InlineData((int)FrameType.DataRequest, NetLimits.MaxBodyBytes + 1, 0)]
    [InlineData((int)FrameType.DataRequest, 0, NetLimits.MaxPayloadBytes + 1)]
    [InlineData((int)FrameType.Raft, int.MaxValue, int.MaxValue)]
    [InlineData((int)FrameType.Ping, 1, 0)]
    [InlineData((int)FrameType.Pong, 0, 1)]
    [InlineData((int)FrameType.Hello, 64, 0)]
    [InlineData((int)FrameType.Refused, 10, 0)]
    [InlineData((int)FrameType.None, 0, 0)]
    public void Lengths_and_types_out_of_place_end_the_connection_before_memory_is_taken(int type, int body, int payload)
    {
        byte[] header = new byte[FrameHeader.SizeBytes];
        FrameHeader.Write(header, (FrameType)type, default, 0);
        _ = BitConverter.TryWriteBytes(header.AsSpan(8), body);
        _ = BitConverter.TryWriteBytes(header.AsSpan(12), payload);
        RawPeer peer = Say([.. TcpTransportTests.HelloFrame(), .. header]);
        _rig.Rig.Until(() => peer.IsClosed);
        Assert.Equal(0, _rig.Rig.Buffers.Outstanding);
        StillWorks();
    }

    [Fact]
    public void A_peer_that_announces_the_largest_message_and_sends_nothing_costs_next_to_nothing()
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        byte[] header = new byte[FrameHeader.SizeBytes];
        FrameHeader.Write(header, FrameType.Control, default, 0);
        _ = BitConverter.TryWriteBytes(header.AsSpan(8), NetLimits.MaxControlBytes);
        RawPeer[] peers = new RawPeer[50];
        for (int i = 0; i < peers.Length; i++) { peers[i] = Say([.. TcpTransportTests.HelloFrame(), .. header, 1, 2, 3]); }
        _rig.Rig.Until(() => _rig.Accepted.Count == peers.Length);
        Stopwatch watch = Stopwatch.StartNew();
        _rig.Rig.Until(() => watch.ElapsedMilliseconds > 50);
        Assert.True(GC.GetTotalMemory(forceFullCollection: true) - before < 16 * Units.MiB);
        foreach (RawPeer peer in peers) { peer.Stream.Close(Errno.Canceled); }
        _rig.Rig.Until(() => _rig.Server.Connections == 0);
        StillWorks();
    }

    [Fact]
    public void A_crowd_that_says_nothing_is_limited_and_goes_away()
    {
        using TransportRig rig = new(Options with { MaxGreeting = 8, HelloTimeoutNanos = 300 * Units.NanosPerMilli });
        TcpStreams raw = new(rig.Rig.Reactor);
        RawPeer[] crowd = new RawPeer[50];
        for (int i = 0; i < crowd.Length; i++)
        {
            crowd[i] = new RawPeer();
            crowd[i].Stream = raw.Connect(StreamAddress.OfInternet(rig.Address), crowd[i]);
        }
        rig.Rig.Until(() => crowd.Count(peer => peer.IsClosed) == crowd.Length - 8);
        rig.Rig.Until(() => crowd.All(peer => peer.IsClosed));
        (TransportRig.Peer client, _) = rig.Pair();
        Assert.True(client.IsUp);
    }

    [Fact]
    public void A_server_that_answers_nonsense_is_left()
    {
        Random random = new(4);
        byte[][] answers =
        [
            [.. new byte[100]],
            Refusal(FrameType.Control),
            Refusal(FrameType.Hello),
            [.. TcpTransportTests.HelloFrame().AsSpan(0, 95), 1],
        ];
        foreach (byte[] answer in answers)
        {
            RawPeer server = new();
            Assert.Equal(Errno.None, _raw.Listen(
                StreamAddress.OfInternet(new NetAddress(System.Net.IPAddress.Loopback, 0)),
                new RawListener(_raw, server), out TcpListener? listener));
            TransportRig.Peer client = new();
            client.Connection = _rig.Client.Connect(listener!.Bound.Internet!, TransportRig.ClientHello, client);
            _rig.Rig.Until(() => server.Stream is not null);
            _ = server.Stream.TrySend(answer);
            _rig.Rig.Until(() => client.Closed == 1);
            Assert.False(client.IsUp);
            listener.Close();
        }
        StillWorks();

        static byte[] Refusal(FrameType type)
        {
            byte[] frame = new byte[FrameHeader.SizeBytes + 5];
            "hello"u8.CopyTo(frame.AsSpan(FrameHeader.SizeBytes));
            FrameHeader.Write(frame, type, "hello"u8, 0);
            return frame;
        }
    }

    /// <summary>A good hello, a frame with body, and one with payload.</summary>
    private static byte[] Conversation(out int checkedBytes)
    {
        byte[] body = new byte[300];
        Array.Fill(body, (byte)0x33);
        byte[] first = new byte[FrameHeader.SizeBytes];
        FrameHeader.Write(first, FrameType.Control, body, 0);
        byte[] second = new byte[FrameHeader.SizeBytes];
        FrameHeader.Write(second, FrameType.DataRequest, body, 4096);
        byte[] hello = TcpTransportTests.HelloFrame();
        checkedBytes = hello.Length + first.Length + body.Length;
        return [.. hello, .. first, .. body, .. second, .. body, .. new byte[4096]];
    }

    private RawPeer Say(ReadOnlySpan<byte> bytes)
    {
        RawPeer peer = new();
        peer.Stream = _raw.Connect(StreamAddress.OfInternet(_rig.Address), peer);
        _rig.Rig.Until(() => peer.IsConnected);
        Assert.Equal(Errno.None, peer.Stream.TrySend(bytes));
        return peer;
    }

    private void StillWorks()
    {
        (TransportRig.Peer client, TransportRig.Peer server) = _rig.Pair();
        Assert.Equal(Errno.None, client.Connection.TrySend(FrameType.Control, "still there?"u8));
        _rig.Rig.Until(() => server.Frames == 1);
        client.Connection.Close(Errno.Canceled);
        _rig.Rig.Until(() => server.Closed == 1 && _rig.Server.Connections == 0);
        _rig.Rig.Until(() => _rig.Rig.Buffers.Outstanding == 0);
    }
}

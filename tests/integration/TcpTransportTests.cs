using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Net.Transport.Tcp;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>Framed connections over the real loopback network.</summary>
[Collection("kernel")]
public sealed class TcpTransportTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Hellos_are_exchanged_before_anything_else(string address)
    {
        using TransportRig rig = new(address: IPAddress.Parse(address));
        (TransportRig.Peer client, TransportRig.Peer server) = rig.Pair();
        Assert.Equal(TransportRig.ClientHello, rig.Seen.Single());
        Assert.Equal(TransportRig.ClientHello, server.Connection.PeerHello);
        Assert.Equal(TransportRig.ServerHello, client.Connection.PeerHello);
        Assert.True(client.Connection.IsUp && server.Connection.IsUp && server.IsUp);
        client.Connection.Close(Errno.Canceled);
        client.Connection.Close(Errno.Io);
        Assert.Equal(Errno.NotConnected, client.Connection.TrySend(FrameType.Control, "x"u8));
        rig.Rig.Until(() => server.Closed == 1 && client.Closed == 1);
        Assert.Equal(Errno.Canceled, client.Reason);
        rig.Rig.Until(() => rig.Rig.Source.InFlight <= 2); // the wake read and the accept
        Assert.Equal(0, rig.Server.Connections + rig.Client.Connections);
    }

    [Fact]
    public void Frames_of_all_sizes_arrive_whole_and_in_order()
    {
        using TransportRig rig = new();
        (TransportRig.Peer client, TransportRig.Peer server) = rig.Pair();
        int[] bodies = [0, 1, 31, 32, 600, 4096, 65_503, 65_504, 65_505, 65_536];
        int[] payloads = [0, 1, 512, 4096, 4097, 16_383, 16_384, 65_536, 200_000, 524_288];
        Prng prng = new(5);
        foreach (int bodyBytes in bodies)
        {
            foreach (int payloadBytes in payloads)
            {
                byte[] body = Random(prng, bodyBytes);
                byte[] payload = Random(prng, payloadBytes);
                int before = server.Frames;
                Assert.Equal(Errno.None, Send(rig, client, FrameType.DataRequest, body, payload));
                rig.Rig.Until(() => server.Frames > before);
                Assert.Equal(FrameType.DataRequest, server.LastType);
                Assert.True(body.AsSpan().SequenceEqual(server.LastBody));
                Assert.True(payload.AsSpan().SequenceEqual(server.LastPayload));
            }
        }
        byte[] control = Random(prng, NetLimits.MaxControlBytes);
        int seen = client.Frames;
        Assert.Equal(Errno.None, server.Connection.TrySend(FrameType.Control, control));
        Assert.Equal(Errno.Again, server.Connection.TrySend(FrameType.Control, "more"u8));
        rig.Rig.Until(() => client.Frames > seen);
        Assert.True(control.AsSpan().SequenceEqual(client.LastBody));
        rig.Rig.Until(() => client.Connection.QueuedBytes == 0 && server.Connection.QueuedBytes == 0);
        Assert.Equal(0, rig.Rig.Buffers.Outstanding);
    }

    [Fact]
    public void Many_frames_of_mixed_sizes_in_flight_at_once_keep_their_order_and_contents()
    {
        using TransportRig rig = new(classes: [(4096, 128), (65536, 64), (1 << 20, 64)]);
        (TransportRig.Peer client, TransportRig.Peer server) = rig.Pair();
        Prng prng = new(6);
        int next = 0;
        server.OnFrameAction = (TransportRig.Peer _, in Frame frame) =>
        {
            Assert.Equal(next, BitConverter.ToInt32(frame.Body));
            uint crc = BitConverter.ToUInt32(frame.Body[4..]);
            Assert.Equal(crc, frame.Payload is null ? 0 : Crc32C.Compute(frame.Payload.Span(0, frame.PayloadBytes)));
            next++;
        };
        const int Count = 5000;
        int sent = 0;
        byte[] body = new byte[8 + 2000];
        rig.Rig.Until(() =>
        {
            while (sent < Count && client.Connection.QueuedBytes < 256 * Units.KiB) // both ends share the pool
            {
                int payloadBytes = prng.Below(4) == 0 ? 0 : prng.Below(10) == 0 ? prng.Below(500_000) : prng.Below(9000);
                byte[] payload = Random(prng, payloadBytes);
                _ = BitConverter.TryWriteBytes(body, sent);
                _ = BitConverter.TryWriteBytes(body.AsSpan(4), payloadBytes == 0 ? 0 : Crc32C.Compute(payload));
                if (Send(rig, client, FrameType.Raft, body.AsSpan(0, 8 + prng.Below(2000)), payload) is not Errno.None) { break; }
                sent++;
            }
            return next == Count;
        });
        rig.Rig.Until(() => client.Connection.QueuedBytes == 0);
        Assert.Equal(0, rig.Rig.Buffers.Outstanding);
    }

    [Fact]
    public void The_reason_of_a_refusal_reaches_the_refused()
    {
        using TransportRig rig = new() { Refusal = "wrong cluster: this one is \n called home" };
        TransportRig.Peer client = new();
        client.Connection = rig.Client.Connect(rig.Address, TransportRig.ClientHello, client);
        Assert.Equal(0, client.Closed);
        rig.Rig.Until(() => client.Closed == 1);
        Assert.Equal(Errno.NotPermitted, client.Reason);
        Assert.Equal("wrong cluster: this one is ? called home", client.Detail);
        Assert.False(client.IsUp);
        Assert.Empty(rig.Accepted);
    }

    [Fact]
    public void A_connect_to_nowhere_ends_with_OnClosed()
    {
        using TransportRig rig = new();
        TransportRig.Peer client = new();
        int port = FreePort();
        client.Connection = rig.Client.Connect(
            new NetAddress(IPAddress.Loopback, (ushort)port), TransportRig.ClientHello, client);
        Assert.Equal(0, client.Closed);
        rig.Rig.Until(() => client.Closed == 1);
        Assert.Equal(Errno.ConnectionRefused, client.Reason);
    }

    [Fact]
    public void A_listener_on_a_taken_address_is_told_so()
    {
        using TransportRig rig = new();
        Assert.Equal(Errno.AddressInUse, rig.Client.Listen(rig.Address, rig, out _));
    }

    [Fact]
    public void A_silent_peer_is_closed_after_the_hello_timeout_on_both_sides()
    {
        TcpTransportOptions options = new() { HelloTimeoutNanos = 50 * Units.NanosPerMilli };
        using TransportRig rig = new(options);
        RawPeer mute = new();
        TcpStreams raw = new(rig.Rig.Reactor);
        mute.Stream = raw.Connect(StreamAddress.OfInternet(rig.Address), mute);
        rig.Rig.Until(() => mute.IsClosed); // the listener closed the mute client

        RawPeer muteServer = new();
        Assert.Equal(Errno.None, raw.Listen(
            StreamAddress.OfInternet(new NetAddress(IPAddress.Loopback, 0)),
            new RawListener(raw, muteServer), out TcpListener? listener));
        TransportRig.Peer client = new();
        client.Connection = rig.Client.Connect(listener!.Bound.Internet!, TransportRig.ClientHello, client);
        rig.Rig.Until(() => client.Closed == 1);
        Assert.Equal(Errno.TimedOut, client.Reason);
        listener.Close();
        rig.Rig.Until(() => muteServer.IsClosed);
    }

    [Fact]
    public void Keep_alive_keeps_an_idle_connection_and_ends_a_dead_one()
    {
        TcpTransportOptions options = new()
        {
            PingIntervalNanos = 10 * Units.NanosPerMilli,
            DeadAfterNanos = 50 * Units.NanosPerMilli,
        };
        using TransportRig rig = new(options);
        (TransportRig.Peer client, TransportRig.Peer server) = rig.Pair();
        Stopwatch watch = Stopwatch.StartNew();
        rig.Rig.Until(() => watch.ElapsedMilliseconds > 300);
        Assert.True(client.Connection.IsUp && server.Connection.IsUp);

        // A peer that says hello and then nothing, as after a pulled cable.
        TcpStreams raw = new(rig.Rig.Reactor);
        RawPeer dead = new();
        dead.Stream = raw.Connect(StreamAddress.OfInternet(rig.Address), dead);
        rig.Rig.Until(() => dead.IsConnected);
        Assert.Equal(Errno.None, dead.Stream.TrySend(HelloFrame()));
        rig.Rig.Until(() => rig.Accepted.Count == 2);
        TransportRig.Peer toDead = rig.Accepted[1];
        rig.Rig.Until(() => toDead.Closed == 1);
        Assert.Equal(Errno.TimedOut, toDead.Reason);
        Assert.True(client.Connection.IsUp && server.Connection.IsUp);
    }

    [Fact]
    public void A_pool_without_buffers_stops_the_sender_and_loses_nothing()
    {
        using TransportRig rig = new(classes: [(4096, 48), (65536, 8), (1 << 20, 4)]);
        (TransportRig.Peer client, TransportRig.Peer server) = rig.Pair();
        Queue<PooledBuffer> held = new();
        int next = 0;
        server.OnFrameAction = (TransportRig.Peer _, in Frame frame) =>
        {
            Assert.Equal(next, BitConverter.ToInt32(frame.Body));
            Assert.Equal((byte)(next & 255), frame.Payload!.Span(0, 1)[0]);
            Assert.Equal((byte)(next & 255), frame.Payload.Span(frame.PayloadBytes - 1, 1)[0]);
            frame.Payload.Retain();
            held.Enqueue(frame.Payload);
            next++;
        };
        const int Count = 2000;
        int sent = 0;
        PooledBuffer source = rig.Rig.Buffers.TryRent(1 << 20)!;
        for (int i = 0; i < 256; i++) { source.Span(i * 4096, 4096).Fill((byte)i); }
        int most = 0;
        Stopwatch stuck = Stopwatch.StartNew();
        rig.Rig.Until(() =>
        {
            Span<byte> body = stackalloc byte[4];
            while (sent < Count)
            {
                _ = BitConverter.TryWriteBytes(body, sent);
                PayloadPart part = new(source, (sent & 255) * 4096, 4096);
                if (client.Connection.TrySend(FrameType.DataRequest, body, new ReadOnlySpan<PayloadPart>(in part)) is not Errno.None) { break; }
                sent++;
            }
            most = Math.Max(most, held.Count);
            // Give one back only once nothing moves any more, so that every buffer is really waited for.
            if (stuck.ElapsedMilliseconds > 3 && held.TryDequeue(out PooledBuffer? buffer))
            {
                while (buffer is not null)
                {
                    buffer.Release();
                    _ = held.TryDequeue(out buffer);
                }
                stuck.Restart();
            }
            return next == Count;
        });
        Assert.Equal(59, most); // all but the source
        while (held.TryDequeue(out PooledBuffer? buffer)) { buffer.Release(); }
        source.Release();
        rig.Rig.Until(() => client.Connection.QueuedBytes == 0);
        Assert.Equal(0, rig.Rig.Buffers.Outstanding);
    }

    [Fact]
    public void A_long_body_with_a_payload_waits_for_its_buffer_too()
    {
        using TransportRig rig = new(classes: [(1 << 20, 2)]);
        (TransportRig.Peer client, TransportRig.Peer server) = rig.Pair();
        byte[] body = Random(new Prng(9), 65_536);
        PooledBuffer source = rig.Rig.Buffers.TryRent(8192)!;
        source.Span(0, 8192).Fill(0x77);
        PooledBuffer hostage = rig.Rig.Buffers.TryRent(8192)!;
        PayloadPart part = new(source, 0, 8192);
        Assert.Equal(Errno.None, client.Connection.TrySend(FrameType.Raft, body, new ReadOnlySpan<PayloadPart>(in part)));
        Stopwatch watch = Stopwatch.StartNew();
        rig.Rig.Until(() => watch.ElapsedMilliseconds > 100);
        Assert.Equal(0, server.Frames);
        hostage.Release();
        rig.Rig.Until(() => server.Frames == 1);
        Assert.True(body.AsSpan().SequenceEqual(server.LastBody));
        Assert.Equal(0x77, server.LastPayload[8191]);
        source.Release();
    }

    [Fact]
    public void A_full_send_queue_answers_Again_and_drains()
    {
        using TransportRig rig = new();
        (TransportRig.Peer client, TransportRig.Peer server) = rig.Pair();
        byte[] body = new byte[60_000];
        int accepted = 0;
        while (client.Connection.TrySend(FrameType.DataReply, body) is Errno.None) { accepted++; }
        Assert.InRange(client.Connection.QueuedBytes, NetLimits.MaxSendQueueBytes - 70_000, NetLimits.MaxSendQueueBytes);
        rig.Rig.Until(() => server.Frames == accepted);
        Assert.Equal(0, client.Connection.QueuedBytes);
        Assert.Equal(Errno.None, client.Connection.TrySend(FrameType.DataReply, body));
    }

    [Fact]
    public void Closing_with_full_queues_returns_every_buffer()
    {
        using TransportRig rig = new();
        for (int round = 0; round < 20; round++)
        {
            (TransportRig.Peer client, TransportRig.Peer server) = rig.Pair();
            server.OnFrameAction = (TransportRig.Peer peer, in Frame _) =>
            {
                if (peer.Frames == 3) { peer.Connection.Close(Errno.Io); }
            };
            for (int i = 0; i < 10; i++) { _ = Send(rig, client, FrameType.DataRequest, new byte[100], new byte[300_000]); }
            rig.Rig.Until(() => client.Closed == 1 && server.Closed == 1);
            rig.Rig.Until(() => rig.Rig.Buffers.Outstanding == 0);
            Assert.Equal(3, server.Frames);
        }
    }

    [Fact]
    public void A_hundred_thousand_round_trips_allocate_nothing()
    {
        using TransportRig rig = new();
        (TransportRig.Peer client, TransportRig.Peer server) = rig.Pair();
        PooledBuffer data = rig.Rig.Buffers.TryRent(4096)!;
        byte[] body = new byte[64];
        server.OnFrameAction = Echo;
        int left = 0;
        client.OnFrameAction = (TransportRig.Peer _, in Frame _) => left--;
        Run(5_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(100_000);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        data.Release();

        void Run(int count)
        {
            left = count;
            int toSend = count;
            while (left > 0)
            {
                while (toSend > 0 && left - toSend < 16)
                {
                    PayloadPart part = new(data, 0, 4096);
                    if (client.Connection.TrySend(FrameType.DataRequest, body, new ReadOnlySpan<PayloadPart>(in part)) is not Errno.None) { break; }
                    toSend--;
                }
                _ = rig.Rig.Reactor.RunOnce();
            }
        }

        static void Echo(TransportRig.Peer peer, in Frame frame)
        {
            PayloadPart part = new(frame.Payload!, 0, frame.PayloadBytes);
            Errno sent = peer.Connection.TrySend(FrameType.DataReply, frame.Body, new ReadOnlySpan<PayloadPart>(in part));
            if (sent is not Errno.None) { throw new InvalidOperationException(); }
        }
    }

    [Fact]
    public void Connections_move_to_the_reactor_of_their_shard()
    {
        using TransportRig rig = new();
        using BufferPool buffers = new([(1 << 20, 4)]);
        Assert.Equal(Errno.None, UringEventSource.TryCreate(
            rig.Rig.Reactor.Clock, buffers, new(), out UringEventSource? source, out _));
        Reactor other = new(1, rig.Rig.Reactor.Clock, new Prng(2), source!, buffers);
        using TcpTransport transport = new(other);
        EchoAcceptor acceptor = new();
        transport.Acceptor = acceptor;
        MovingGate gate = new(transport);
        Assert.Equal(Errno.None, rig.Server.Listen(new NetAddress(IPAddress.Loopback, 0), gate, out NetAddress bound));
        ReactorThread thread = new(other, core: null, "other");
        thread.Start();
        TransportRig.Peer client = new();
        client.Connection = rig.Client.Connect(bound, TransportRig.ClientHello, client);
        rig.Rig.Until(() => client.IsUp);
        Assert.Equal(Errno.None, Send(rig, client, FrameType.DataRequest, new byte[] { 1, 2, 3 }, new byte[4096]));
        rig.Rig.Until(() => client.Frames == 1);
        Assert.Equal([1, 2, 3], client.LastBody);
        Assert.Equal(4096, client.LastPayload.Length);
        thread.Stop();
        Assert.NotEqual(Environment.CurrentManagedThreadId, acceptor.Thread);
    }

    private static Errno Send(
        TransportRig rig, TransportRig.Peer from, FrameType type, ReadOnlySpan<byte> body, ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty) { return from.Connection.TrySend(type, body); }
        PooledBuffer? buffer = rig.Rig.Buffers.TryRent(payload.Length);
        if (buffer is null) { return Errno.NoBuffers; }
        payload.CopyTo(buffer.Span(0, payload.Length));
        // In three parts, to see that they arrive as one.
        int third = payload.Length / 3;
        Span<PayloadPart> parts =
        [
            new(buffer, 0, third), new(buffer, third, third), new(buffer, 2 * third, payload.Length - 2 * third),
        ];
        Errno result = from.Connection.TrySend(type, body, parts);
        buffer.Release();
        return result;
    }

    internal static byte[] HelloFrame()
    {
        byte[] frame = new byte[FrameHeader.SizeBytes + HelloCodec.SizeBytes];
        HelloCodec.Write(frame.AsSpan(FrameHeader.SizeBytes), TransportRig.ClientHello);
        FrameHeader.Write(frame, FrameType.Hello, frame.AsSpan(FrameHeader.SizeBytes), 0);
        return frame;
    }

    private static byte[] Random(Prng prng, int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i += 8)
        {
            byte[] word = BitConverter.GetBytes(prng.Next());
            word.AsSpan(0, Math.Min(8, length - i)).CopyTo(bytes.AsSpan(i));
        }
        return bytes;
    }

    private static int FreePort()
    {
        using System.Net.Sockets.TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed class MovingGate(TcpTransport to) : IHelloGate
    {
        public string? Check(in Hello peer, out Hello own, out ITransport target)
        {
            own = TransportRig.ServerHello;
            target = to;
            return null;
        }
    }

    private sealed class EchoAcceptor : IConnectionAcceptor, IConnectionHandler
    {
        public int Thread { get; private set; }

        public IConnectionHandler? OnAccepted(IConnection connection)
        {
            Thread = Environment.CurrentManagedThreadId;
            return this;
        }

        public void OnUp(IConnection connection) { }

        public void OnFrame(IConnection connection, in Frame frame)
        {
            PayloadPart part = new(frame.Payload!, 0, frame.PayloadBytes);
            _ = connection.TrySend(FrameType.DataReply, frame.Body, new ReadOnlySpan<PayloadPart>(in part));
        }

        public void OnClosed(IConnection connection, Errno reason, string detail) { }
    }
}

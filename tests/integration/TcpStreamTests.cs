using System;
using System.IO;
using System.Linq;
using System.Net;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Net.Transport.Tcp;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>Raw byte streams on the real kernel: TCP over both families, and unix sockets.</summary>
[Collection("kernel")]
public sealed class TcpStreamTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly UringRig _rig = new();
    private readonly TcpStreams _streams;

    public TcpStreamTests() => _streams = new TcpStreams(_rig.Reactor);

    public void Dispose()
    {
        _rig.Source.Dispose();
        _streams.Dispose();
        _rig.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("unix")]
    public void Bytes_arrive_in_order_in_both_directions(string kind)
    {
        (RawPeer client, RawPeer server) = Pair(AddressOf(kind));
        byte[] data = new byte[3_000_000];
        new Random(1).NextBytes(data);
        for (int at = 0; at < data.Length; at += 30_000)
        {
            Assert.Equal(Errno.None, client.Stream.TrySend(data.AsSpan(at, 30_000)));
            Assert.Equal(Errno.None, server.Stream.TrySend(data.AsSpan(at, 30_000)));
        }
        Assert.Equal(data.Length, client.Stream.QueuedBytes);
        _rig.Until(() => server.Received.Count == data.Length && client.Received.Count == data.Length);
        Assert.True(server.Received.SequenceEqual(data));
        Assert.True(client.Received.SequenceEqual(data));
        Assert.Equal(0, client.Stream.QueuedBytes);
        client.Stream.Close(Errno.Canceled);
        client.Stream.Close(Errno.Canceled);
        Assert.False(client.IsClosed); // never from within the call
        _rig.Until(() => client.IsClosed && server.IsClosed);
        Assert.Equal(Errno.ShutDown, server.Reason);
        _rig.Until(() => _streams.Count == 0);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("unix")]
    public void A_payload_can_be_received_straight_into_its_buffer(string kind)
    {
        (RawPeer client, RawPeer server) = Pair(AddressOf(kind));
        PooledBuffer source = _rig.Buffers.TryRent(1 << 20)!;
        new Random(2).NextBytes(source.Span(0, 1 << 20));
        PooledBuffer target = _rig.Buffers.TryRent(1 << 20)!;
        int round = 0;
        int[] sizes = [1, 4096, 16_383, 16_384, 100_000, 900_000];
        server.OnBytes = (stream, bytes) =>
        {
            // A message: 4 bytes "size", the payload, then "end".
            if (bytes.StartsWith("end"u8))
            {
                round++;
                return 3;
            }
            if (bytes.Length < 4) { return 0; }
            stream.ReceiveInto(target, 64, BitConverter.ToInt32(bytes));
            return 4;
        };
        for (int i = 0; i < sizes.Length; i++)
        {
            Assert.Equal(Errno.None, client.Stream.TrySend(BitConverter.GetBytes(sizes[i])));
            Assert.Equal(Errno.None, client.Stream.TrySend(new PayloadPart(source, 128, sizes[i])));
            Assert.Equal(Errno.None, client.Stream.TrySend("end"u8));
            _rig.Until(() => round == i + 1);
            Assert.Equal(i + 1, server.Filled);
            Assert.True(source.Span(128, sizes[i]).SequenceEqual(target.Span(64, sizes[i])));
            target.Span(0, 1 << 20).Clear();
        }
        source.Release();
        target.Release();
        _rig.Until(() => _rig.Buffers.Outstanding == 0);
    }

    [Fact]
    public void A_paused_stream_holds_its_sender_and_goes_on_after_resume()
    {
        (RawPeer client, RawPeer server) = Pair(AddressOf("127.0.0.1"));
        server.Stream.Pause();
        byte[] data = new byte[8 << 20];
        Assert.Equal(Errno.None, client.Stream.TrySend(data));
        Assert.Equal(Errno.Again, client.Stream.TrySend("x"u8));
        for (int i = 0; i < 200; i++) { _ = _rig.Reactor.RunOnce(); }
        Assert.True(client.Stream.QueuedBytes > 0 || server.Received.Count == 0);
        Assert.Empty(server.Received);
        server.Stream.Resume();
        _rig.Until(() => server.Received.Count == data.Length);
    }

    [Fact]
    public void Closing_when_sent_delivers_everything_first()
    {
        (RawPeer client, RawPeer server) = Pair(AddressOf("127.0.0.1"));
        Assert.Equal(Errno.None, client.Stream.TrySend("unread by the server"u8));
        server.OnBytes = (_, bytes) => bytes.Length;
        Assert.Equal(Errno.None, server.Stream.TrySend(new byte[1 << 20]));
        server.Stream.CloseWhenSent(Errno.Protocol);
        Assert.Equal(Errno.NotConnected, server.Stream.TrySend("x"u8));
        _rig.Until(() => client.IsClosed && server.IsClosed);
        Assert.Equal(1 << 20, client.Received.Count);
        Assert.Equal(Errno.ShutDown, client.Reason);
        Assert.Equal(Errno.Protocol, server.Reason);
    }

    [Fact]
    public void A_peer_that_ended_its_side_still_gets_everything_when_the_handler_wants_that()
    {
        (RawPeer client, RawPeer server) = Pair(AddressOf("127.0.0.1"));
        server.OutlivesInput = true;
        server.Stream.Pause();
        Assert.Equal(Errno.None, client.Stream.TrySend("the last words"u8));
        client.Stream.CloseWhenSent(Errno.Canceled);
        for (int i = 0; i < 50; i++) { _ = _rig.Reactor.RunOnce(); }
        Assert.False(server.IsInputEnded);
        server.Stream.Resume();
        _rig.Until(() => server.IsInputEnded);
        Assert.Equal("the last words"u8.ToArray(), server.Received);
        Assert.Equal(Errno.None, server.Stream.TrySend(new byte[1 << 20]));
        for (int i = 0; i < 50; i++) { _ = _rig.Reactor.RunOnce(); }
        Assert.False(server.IsClosed || client.IsClosed);
        server.Stream.CloseWhenSent(Errno.ShutDown);
        _rig.Until(() => client.IsClosed && server.IsClosed);
        Assert.Equal((Errno.ShutDown, Errno.Canceled), (server.Reason, client.Reason));
        _rig.Until(() => _streams.Count == 0);
    }

    [Fact]
    public void A_message_that_never_fits_the_staging_buffer_ends_the_stream()
    {
        (RawPeer client, RawPeer server) = Pair(AddressOf("127.0.0.1"));
        server.OnBytes = (_, _) => 0;
        Assert.Equal(Errno.None, client.Stream.TrySend(new byte[70_000]));
        _rig.Until(() => server.IsClosed && client.IsClosed);
        Assert.Equal(Errno.Protocol, server.Reason);
    }

    [Fact]
    public unsafe void A_unix_socket_left_behind_is_replaced_and_a_live_one_is_not()
    {
        string path = _directory.File("socket");
        Fastblock.Native.Linux.SocketAddress address = default;
        uint addressBytes = address.SetUnix(path);
        int dead = Libc.socket(Libc.AF_UNIX, Libc.SOCK_STREAM, 0);
        Assert.Equal(0, Libc.bind(dead, &address, addressBytes));
        Assert.Equal(0, Libc.close(dead)); // the path stays, as after a kill -9
        Assert.True(File.Exists(path));
        RawPeer peer = new();
        Assert.Equal(Errno.None, _streams.Listen(StreamAddress.OfUnix(path), new RawListener(_streams, peer), out TcpListener? listener));
        Assert.Equal(Errno.AddressInUse, _streams.Listen(StreamAddress.OfUnix(path), new RawListener(_streams, peer), out _));
        _ = _rig.Reactor.RunOnce();
        listener!.Close();
        _rig.Until(() => !File.Exists(path));
        Assert.Equal(Errno.NotFound, Refused(StreamAddress.OfUnix(path)));
        Assert.Equal(Errno.Invalid, Refused(StreamAddress.OfUnix(new string('x', 200))));
    }

    [Fact]
    public void Streams_end_when_closed_in_the_middle_of_a_connect()
    {
        RawPeer peer = new();
        // A listener whose queue nobody empties: the second connect stays pending.
        peer.Stream = _streams.Connect(StreamAddress.OfInternet(new NetAddress(IPAddress.Parse("192.0.2.1"), 9)), peer);
        _ = _rig.Reactor.RunOnce();
        peer.Stream.Close(Errno.Canceled);
        _rig.Until(() => peer.IsClosed && _streams.Count == 0);
        Assert.False(peer.IsConnected);
    }

    private Errno Refused(StreamAddress address)
    {
        RawPeer peer = new();
        peer.Stream = _streams.Connect(address, peer);
        _rig.Until(() => peer.IsClosed);
        return peer.Reason;
    }

    private StreamAddress AddressOf(string kind) => kind == "unix"
        ? StreamAddress.OfUnix(_directory.File("socket"))
        : StreamAddress.OfInternet(new NetAddress(IPAddress.Parse(kind), 0));

    private (RawPeer Client, RawPeer Server) Pair(StreamAddress address)
    {
        RawPeer client = new(), server = new();
        Assert.Equal(Errno.None, _streams.Listen(address, new RawListener(_streams, server), out TcpListener? listener));
        client.Stream = _streams.Connect(listener!.Bound, client);
        _rig.Until(() => client.IsConnected && server.Stream is not null);
        listener.Close();
        return (client, server);
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>Framed connections over TCP on one reactor. A listener belongs to one transport and may hand connections to those
/// of other reactors.</summary>
internal sealed class TcpTransport : ITransport, IIterationHook, IDisposable
{
    private readonly TcpStreams _streams;
    private readonly RingQueue<TcpConnection> _starved = new();
    private readonly RingQueue<TcpConnection> _starvedClients = new();
    private int _greeting;
    private int _connections;

    /// <param name="reactor">One whose event source is an io_uring, and whose pool has buffers for the largest payload.</param>
    public TcpTransport(Reactor reactor, TcpTransportOptions? options = null)
    {
        Invariant.Require(reactor.Buffers.LargestBytes >= NetLimits.MaxPayloadBytes);
        Reactor = reactor;
        Options = options ?? new TcpTransportOptions();
        reactor.AddIterationHook(this, HookStage.Network); // before the streams' hook: what it resumes can still send in this iteration
        _streams = new TcpStreams(reactor, Options.Streams);
    }

    public IConnectionAcceptor? Acceptor { get; set; }

    public TransportCounters Counters { get; } = new();

    /// <summary>Connections that exist, up or not.</summary>
    public int Connections => _connections;

    internal Reactor Reactor { get; }

    internal TcpTransportOptions Options { get; }

    public IConnection Connect(NetAddress address, in Hello hello, IConnectionHandler handler)
    {
        TcpConnection connection = new(this, in hello, handler);
        _connections++;
        connection.BeginConnecting(_streams.Connect(StreamAddress.OfInternet(address), connection));
        return connection;
    }

    public Errno Listen(NetAddress address, IHelloGate gate, out NetAddress bound)
    {
        bound = address;
        Errno error = _streams.Listen(StreamAddress.OfInternet(address), new Door(this, gate), out TcpListener? listener);
        if (error is not Errno.None) { return error; }
        bound = listener!.Bound.Internet!;
        return Errno.None;
    }

    /// <summary>Wakes connections that wait for a buffer, the longest first. Clients wait in a line of their own:
    /// what is left may be too little for them and enough for a peer, on whose messages their progress depends.</summary>
    public void OnIterationEnd()
    {
        Feed(_starved);
        Feed(_starvedClients);
    }

    /// <summary>Frees everything; after the reactor's event source was disposed.</summary>
    public void Dispose() => _streams.Dispose();

    /// <summary>Gives this transport a greeted connection; from any thread.</summary>
    internal void TakeOver(int fd, in Hello peer, in Hello own, byte[] received) =>
        Reactor.Post(new HandOver(this, fd, peer, own, received));

    internal void OnGreeted() => _greeting--;

    internal void OnClosed(TcpConnection connection) => _connections--;

    internal void AddStarved(TcpConnection connection) => (connection.Use is BufferUse.Client ? _starvedClients : _starved).PushBack(connection);

    private static void Feed(RingQueue<TcpConnection> line)
    {
        while (!line.IsEmpty && line[0].TryFeed()) { _ = line.PopFront(); }
    }

    private void OnAccepted(int fd, IHelloGate gate)
    {
        if (_greeting >= Options.MaxGreeting || _connections >= Options.MaxConnections)
        {
            _ = Libc.close(fd);
            return;
        }
        _greeting++;
        GreetingPeer peer = new(this, gate);
        peer.Begin(_streams.Adopt(fd, peer));
    }

    private void Adopt(int fd, in Hello peer, in Hello own, ReadOnlySpan<byte> received)
    {
        if (received.Length > Options.Streams.StagingBytes)
        {
            _ = Libc.close(fd); // only a peer that did not wait for our hello sends so much, and this reactor stages less
            return;
        }
        TcpConnection connection = new(this, in own, handler: null);
        _connections++;
        connection.BeginAccepted(_streams.Adopt(fd, connection, received), in peer);
    }

    private sealed class Door(TcpTransport transport, IHelloGate gate) : IStreamListener
    {
        public void OnAccepted(int fd) => transport.OnAccepted(fd, gate);
    }

    private sealed class HandOver(TcpTransport target, int fd, Hello peer, Hello own, byte[] received) : IRunnable
    {
        public void Run() => target.Adopt(fd, in peer, in own, received);
    }
}

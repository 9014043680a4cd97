using System;
using System.Collections.Generic;
using System.Net;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Net.Transport.Tcp;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>A listening transport and a connecting one on one real reactor.</summary>
internal sealed class TransportRig : IHelloGate, IConnectionAcceptor, IDisposable
{
    public TransportRig(
        TcpTransportOptions? options = null, (int Bytes, int Count)[]? classes = null, IPAddress? address = null)
    {
        Rig = new UringRig(classes: classes ?? [(4096, 64), (65536, 16), (1 << 20, 8)]);
        Server = new TcpTransport(Rig.Reactor, options) { Acceptor = this };
        Client = new TcpTransport(Rig.Reactor, options);
        Assert.Equal(Errno.None,
            Server.Listen(new NetAddress(address ?? IPAddress.Loopback, 0), this, out NetAddress bound));
        Address = bound;
    }

    public UringRig Rig { get; }
    public TcpTransport Server { get; }
    public TcpTransport Client { get; }
    public NetAddress Address { get; }

    /// <summary>What the gate says to everybody.</summary>
    public string? Refusal { get; set; }

    /// <summary>Hellos that the gate has seen.</summary>
    public List<Hello> Seen { get; } = [];

    /// <summary>One for each accepted connection, in order.</summary>
    public List<Peer> Accepted { get; } = [];

    public Action<Peer>? OnAccept { get; set; }

    public static Hello ClientHello => new()
    {
        Role = PeerRole.Client,
        Shard = 3,
        Features = 5,
        Instance = new Guid("00112233-4455-6677-8899-aabbccddeeff"),
    };

    public static Hello ServerHello => new() { Role = PeerRole.Osd, NodeId = 7, Cluster = new Guid("0f0e0d0c-0b0a-0908-0706-050403020100") };

    /// <summary>A connection of the client that is up, and the server's end of it.</summary>
    public (Peer Client, Peer Server) Pair()
    {
        Peer client = new();
        int before = Accepted.Count;
        client.Connection = Client.Connect(Address, ClientHello, client);
        Rig.Until(() => client.IsUp && Accepted.Count > before);
        return (client, Accepted[^1]);
    }

    string? IHelloGate.Check(in Hello peer, out Hello own, out ITransport target)
    {
        Seen.Add(peer);
        own = ServerHello;
        target = Server;
        return Refusal;
    }

    IConnectionHandler? IConnectionAcceptor.OnAccepted(IConnection connection)
    {
        Peer peer = new() { Connection = connection };
        Accepted.Add(peer);
        OnAccept?.Invoke(peer);
        return peer;
    }

    public void Dispose()
    {
        Rig.Source.Dispose();
        Server.Dispose();
        Client.Dispose();
        Rig.Dispose();
    }

    /// <summary>One end of a connection that notes what happens.</summary>
    internal sealed class Peer : IConnectionHandler
    {
        public IConnection Connection { get; set; } = null!;
        public bool IsUp { get; private set; }
        public int Closed { get; private set; }
        public Errno Reason { get; private set; }
        public string Detail { get; private set; } = "";
        public int Frames { get; private set; }
        public byte[] LastBody { get; private set; } = [];
        public byte[] LastPayload { get; private set; } = [];
        public FrameType LastType { get; private set; }

        /// <summary>Takes the place of the notes.</summary>
        public FrameAction? OnFrameAction { get; set; }

        public delegate void FrameAction(Peer peer, in Frame frame);

        public void OnUp(IConnection connection)
        {
            Assert.False(IsUp);
            IsUp = true;
        }

        public void OnFrame(IConnection connection, in Frame frame)
        {
            if (Closed != 0) { throw new InvalidOperationException("a frame after the end"); }
            Frames++;
            if (OnFrameAction is not null)
            {
                OnFrameAction(this, in frame);
                return;
            }
            LastType = frame.Type;
            LastBody = frame.Body.ToArray();
            LastPayload = frame.Payload is null ? [] : frame.Payload.Span(0, frame.PayloadBytes).ToArray();
        }

        public void OnClosed(IConnection connection, Errno reason, string detail)
        {
            Closed++;
            Reason = reason;
            Detail = detail;
        }
    }
}

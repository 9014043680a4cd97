using System;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>Goal: in a rolling upgrade an OSD may come before the monitors; whoever is too old is told so. Method: a production
/// monitor whose greeting carries another version for a while.</summary>
[Collection("kernel")]
public sealed class OtherVersionTests : IDisposable
{
    private readonly AgingTransport _mon = new();
    private readonly OneThreadCluster _cluster;

    public OtherVersionTests() => _cluster = new OneThreadCluster(osds: 0, 128 * Units.MiB, monTransport: _mon.Around);

    public void Dispose() => _cluster.Dispose();

    [Fact]
    public void An_osd_that_is_newer_than_its_monitors_waits_until_they_are_upgraded()
    {
        _cluster.StartOsd("a", beforeItStarts: () => _mon.IsOlder = true);
        _cluster.Until(() => _cluster.Osds[0].WaitsFor.Length > 0);
        Assert.Contains("they speak protocol 0, this OSD 1: waiting until they have been upgraded", _cluster.Osds[0].WaitsFor, StringComparison.Ordinal);
        Assert.False(IsUp());
        _mon.IsOlder = false;
        _cluster.Until(IsUp);
        _cluster.Until(() => _cluster.Osds[0].WaitsFor.Length == 0);
        Assert.Empty(_cluster.Refusals);

        bool IsUp() => _cluster.Mon.Map.TryGetOsd(new OsdId(0), out OsdInfo? osd) && osd.Up;
    }

    [Fact]
    public void A_command_that_is_newer_than_the_monitors_fails_at_once_and_says_why()
    {
        _mon.IsOlder = true;
        MonClient tool = new(_cluster.ClientReactor, _cluster.ClientTransport,
            new MonClientOptions { Mons = [_cluster.MonAddress], Instance = Guid.NewGuid() }, new Prng(8));
        tool.Start();
        ControlReply reply = _cluster.Run(tool.RequestAsync(new ControlRequest { Health = new HealthRequest() }, 1000 * Units.NanosPerSecond));
        Assert.Equal(ControlStatus.StatusPermission, reply.Status);
        Assert.Contains("speaks protocol 0, this fastblock 1: upgrade the monitors first", reply.Text, StringComparison.Ordinal);
        tool.Stop();
    }

    [Fact]
    public void A_monitor_refuses_who_is_older_and_leaves_it_to_who_is_newer()
    {
        Peer older = Greet(Hello.CurrentVersion - 1), newer = Greet(Hello.CurrentVersion + 1);
        _cluster.Until(() => older.Reason is not null && newer.IsUp);
        Assert.Equal(Errno.NotPermitted, older.Reason);
        Assert.Equal("this monitor speaks protocol 1, not 0: use the same version of fastblock", older.Detail);
        Assert.False(older.IsUp);
    }

    private Peer Greet(int version)
    {
        Peer peer = new();
        Hello hello = new() { Role = PeerRole.Osd, NodeId = 3, Version = (ushort)version, Instance = Guid.NewGuid() };
        _ = _cluster.ClientTransport.Connect(_cluster.MonAddress, in hello, peer);
        return peer;
    }

    private sealed class Peer : IConnectionHandler
    {
        public bool IsUp { get; private set; }
        public Errno? Reason { get; private set; }
        public string Detail { get; private set; } = "";

        public void OnUp(IConnection connection) => IsUp = true;

        public void OnFrame(IConnection connection, in Frame frame) { }

        public void OnClosed(IConnection connection, Errno reason, string detail) => (Reason, Detail) = (reason, detail);
    }

    /// <summary>The transport of a monitor that says, while it is told to, that it is of the version before ours.</summary>
    private sealed class AgingTransport : ITransport
    {
        private ITransport _inner = null!;

        public bool IsOlder { get; set; }

        public IConnectionAcceptor? Acceptor { get => _inner.Acceptor; set => _inner.Acceptor = value; }

        public TransportCounters Counters => _inner.Counters;

        public AgingTransport Around(ITransport inner)
        {
            _inner = inner;
            return this;
        }

        public IConnection Connect(NetAddress address, in Hello hello, IConnectionHandler handler) => _inner.Connect(address, in hello, handler);

        public Errno Listen(NetAddress address, IHelloGate gate, out NetAddress bound) => _inner.Listen(address, new Gate(this, gate), out bound);

        private sealed class Gate(AgingTransport transport, IHelloGate gate) : IHelloGate
        {
            public string? Check(in Hello peer, out Hello own, out ITransport target)
            {
                string? refusal = gate.Check(in peer, out own, out _);
                target = transport._inner;
                if (transport.IsOlder) { own = own with { Version = Hello.CurrentVersion - 1 }; }
                return refusal;
            }
        }
    }
}

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Net.Transport.Tcp;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Mon;
using Fastblock.Roles.Osd;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>A whole cluster in the test's own thread: a production monitor, OSDs and a client, each with its own reactor, io_uring
/// and TCP on loopback, on memory devices. Stepped in turn, so that the thread's counters speak for all of them.</summary>
internal sealed class OneThreadCluster : IDisposable
{
    private static readonly (int Bytes, int Count)[] CommonBuffers = [(4096, 4096), (65536, 32), (512 * 1024, 16)];
    private static readonly Guid Cluster = new(7, 7, 7, 1, 2, 3, 4, 5, 6, 7, 8);

    private readonly List<UringRig> _rigs = [];
    private readonly List<TcpTransport> _transports = [];
    private readonly List<IDisposable> _owned = [];
    private readonly NetAddress _monAddress = FreeAddress();
    private readonly Func<ITransport, ITransport> _monTransport;
    private readonly long _osdBytes;
    private readonly (int Bytes, int Count)[] _osdBuffers;

    /// <param name="osdBuffers">Of each OSD, smallest first; null = plenty.</param>
    /// <param name="clientBuffers">Of the client.</param>
    /// <param name="monTransport">What the monitor gets instead of its transport.</param>
    public OneThreadCluster(int osds, long osdBytes, (int Bytes, int Count)[]? osdBuffers = null, (int Bytes, int Count)[]? clientBuffers = null,
        Func<ITransport, ITransport>? monTransport = null)
    {
        _osdBytes = osdBytes;
        _monTransport = monTransport ?? (transport => transport);
        _osdBuffers = osdBuffers ?? CommonBuffers;
        StartMon();
        for (int i = 0; i < osds; i++) { StartOsd($"host{i}"); }
        (UringRig rig, TcpTransport transport) = AddNode(clientBuffers ?? CommonBuffers);
        ClientReactor = rig.Reactor;
        ClientTransport = transport;
        Mon = new MonClient(rig.Reactor, transport, MonClientOptions(), new Prng(99));
        Mon.Start();
    }

    public Reactor ClientReactor { get; }
    public TcpTransport ClientTransport { get; }
    public MonClient Mon { get; }
    public List<BufferPool> OsdBuffers { get; } = [];
    public List<OsdServer> Osds { get; } = [];

    /// <summary>What OSDs said that would have ended their process.</summary>
    public List<string> Refusals { get; } = [];

    public NetAddress MonAddress => _monAddress;

    /// <summary>One iteration of every reactor.</summary>
    public void Step()
    {
        foreach (UringRig rig in _rigs) { _ = rig.Reactor.RunOnce(); }
    }

    public T Run<T>(ReactorTask<T> task)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!task.IsCompleted)
        {
            Step();
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), "the task does not end");
        }
        return task.TakeResult();
    }

    /// <summary>Steps until the condition holds.</summary>
    public void Until(Func<bool> condition)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!condition())
        {
            Step();
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), "nothing happened for a minute");
        }
    }

    /// <summary>A command that must succeed, if need be after a while: the OSDs have to come up first.</summary>
    public ControlReply Command(ControlRequest request)
    {
        ControlReply reply = new();
        for (int i = 0; i < 60; i++)
        {
            reply = Run(Mon.RequestAsync(request.Clone(), 30 * Units.NanosPerSecond));
            if (reply.Status == ControlStatus.StatusOk) { return reply; }
            Pause(250);
        }
        Assert.Fail($"{request}: {reply.Status} {reply.Text}");
        return reply;
    }

    public void Pause(int millis)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (watch.ElapsedMilliseconds < millis) { Step(); }
    }

    /// <summary>Makes a pool and an image in it, and opens that for writing.</summary>
    public ImageClient OpenImage(uint pgs, long bytes)
    {
        _ = Command(new ControlRequest { PoolCreate = new PoolCreateRequest { Name = "vol", Replicas = 3, PgCount = pgs, ObjectBytes = 4 << 20 } });
        _ = Command(new ControlRequest { ImageCreate = new ImageCreateRequest { Pool = "vol", Name = "one", SizeBytes = bytes } });
        Guid instance = Guid.NewGuid();
        ImageClient client = new(ClientReactor, ClientTransport, new MonImageAuthority(ClientReactor, Mon, instance),
            new ImageClientOptions { Instance = instance }, new Prng(5));
        ImageOpenResult opened = Run(client.OpenAsync("vol", "one", ImageOpenMode.Write, "test", 30 * Units.NanosPerSecond));
        Assert.True(opened.IsOk, opened.Text);
        return client;
    }

    public void Dispose()
    {
        foreach (UringRig rig in _rigs) { rig.Source.Dispose(); }
        foreach (TcpTransport transport in _transports) { transport.Dispose(); }
        foreach (IDisposable owned in _owned) { owned.Dispose(); }
        foreach (UringRig rig in _rigs) { rig.Dispose(); }
    }

    private void StartMon()
    {
        (UringRig rig, TcpTransport transport) = AddNode(CommonBuffers);
        MemoryDevice device = Own(new MemoryDevice(rig.Reactor, 64 * Units.MiB));
        MonMkfs mkfs = new() { Cluster = Cluster, Id = new MonId(0), Mons = [_monAddress], Store = Guid.NewGuid() };
        Assert.Equal(VolumeStatus.Ok, Run(mkfs.RunAsync(rig.Reactor, device)).Status);
        MonServer server = new(new MonOptions(), rig.Reactor, _monTransport(transport), device, NoLog("mon"));
        Assert.Null(Run(server.StartAsync()));
    }

    /// <summary>Makes one more OSD.</summary>
    /// <param name="beforeItStarts">Called when it has its id.</param>
    public void StartOsd(string host, Action? beforeItStarts = null)
    {
        (UringRig rig, TcpTransport transport) = AddNode(_osdBuffers);
        MemoryDevice device = Own(new MemoryDevice(rig.Reactor, _osdBytes));
        Guid uuid = Guid.NewGuid();
        MonClient mon = new(rig.Reactor, transport, MonClientOptions(), new Prng(3));
        mon.Start();
        ControlReply reply = Run(mon.RequestAsync(new ControlRequest
        {
            OsdNew = new OsdNewRequest { DeviceUuid = UuidBytes.ToBytes(uuid), Host = host, SizeBytes = _osdBytes, Shards = 1 },
        }, 30 * Units.NanosPerSecond));
        Assert.Equal(ControlStatus.StatusOk, reply.Status);
        mon.Stop();
        VolumeResult made = Run(DeviceVolume.FormatAsync(rig.Reactor, device, new VolumeFormatOptions
        {
            Cluster = Cluster,
            Kind = NodeKind.Osd,
            NodeId = reply.OsdNewResult.Id,
            Device = uuid,
        }));
        Assert.Equal(VolumeStatus.Ok, made.Status);
        beforeItStarts?.Invoke();
        OsdOptions options = new()
        {
            Mons = [_monAddress],
            PublicAddress = new NetAddress(IPAddress.Loopback, 0),
            ClusterAddress = new NetAddress(IPAddress.Loopback, 0),
            Host = host,
        };
        OsdServer server = new(options, NoLog("osd"), _ => [new ShardSeat(rig.Reactor, transport, device)]);
        server.OnRefused = text => Refusals.Add(text);
        Assert.Null(Run(server.StartAsync()));
        Osds.Add(server);
        OsdBuffers.Add(rig.Buffers);
    }

    private (UringRig Rig, TcpTransport Transport) AddNode((int Bytes, int Count)[] buffers)
    {
        UringRig rig = new(classes: buffers);
        TcpTransport transport = new(rig.Reactor);
        _rigs.Add(rig);
        _transports.Add(transport);
        return (rig, transport);
    }

    private T Own<T>(T owned) where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    private MonClientOptions MonClientOptions() => new() { Mons = [_monAddress], Instance = Guid.NewGuid(), Cluster = Cluster };

    private static Log NoLog(string name) => new(name, BootClock.Instance, new Silence());

    private static NetAddress FreeAddress()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return new NetAddress(IPAddress.Loopback, (ushort)((IPEndPoint)socket.LocalEndPoint!).Port);
    }

    private sealed class Silence : ILogOutput
    {
        public void Write(string line) { }
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Osd;

/// <summary>
/// One OSD: its shards, and what they share: the listeners, the line to the monitors, the heartbeat. The shared part runs on
/// the first seat's reactor; shards on other reactors are reached by posting. The same class runs in production and in the
/// simulator: everything that touches the world comes in by the seats.
/// </summary>
internal sealed class OsdServer : IHelloGate, IShardOwner, IMapListener, IDisposable
{
    private readonly OsdOptions _options;
    private readonly Func<int, IReadOnlyList<ShardSeat>> _seatsFor;
    private readonly Log _log;
    private readonly List<OsdShard> _shards = [];
    private readonly List<SeatAcceptor> _acceptors = [];
    private IReadOnlyList<ShardSeat> _seats;
    private OsdHeartbeat? _heartbeat;
    private MonClient? _mons;

    /// <param name="seatsFor">Given the number of shards on the device: one seat for each. Asked for one seat first, to read
    /// the label by.</param>
    public OsdServer(OsdOptions options, Log log, Func<int, IReadOnlyList<ShardSeat>> seatsFor)
    {
        _options = options;
        _log = log;
        _seatsFor = seatsFor;
        _seats = seatsFor(1);
    }

    private Reactor Reactor => _seats[0].Reactor;

    public OsdIdentity? Identity { get; private set; }

    public IReadOnlyList<OsdShard> Shards => _shards;

    /// <summary>Where it really listens, once started.</summary>
    public NetAddress? PublicAddress { get; private set; }
    public NetAddress? ClusterAddress { get; private set; }

    /// <inheritdoc cref="OsdHeartbeat.WaitsFor"/>
    public string WaitsFor => _heartbeat?.WaitsFor ?? "";

    /// <summary>The first shard that failed made the whole OSD fail: the process has to end.</summary>
    public Errno Failure { get; private set; }

    /// <summary>Answers requests that concern the process (log level, waiting); set by whoever runs it.</summary>
    public Func<ControlRequest, ControlReply>? ProcessRequests { get; set; }

    /// <summary>Called once when all shards are open; set by whoever runs it.</summary>
    public Action? OnStarted { get; set; }

    /// <summary>Called once when the OSD fails; set by whoever runs it.</summary>
    public Action<string>? OnFailed { get; set; }

    /// <summary>Called once when the monitors will never let this OSD in; set by whoever runs it.</summary>
    public Action<string>? OnRefused { get; set; }

    /// <summary>Opens the device and all shards, listens, and begins to boot. It is up when the monitors say so.</summary>
    /// <returns>Null, or for the operator why it cannot start.</returns>
    public async ReactorTask<string?> StartAsync()
    {
        VolumeResult volume = await DeviceVolume.OpenAsync(Reactor, _seats[0].Device,
            new VolumeExpectation { Kind = NodeKind.Osd });
        if (volume.Status != VolumeStatus.Ok) { return volume.Text; }
        VolumeLabel label = volume.Label!;
        _seats = _seatsFor(label.Shards);
        Invariant.Require(_seats.Count == label.Shards);
        Identity = new OsdIdentity(new OsdId(label.NodeId), label.Device, label.Cluster, label.Shards);
        _log.Name = $"osd.{Identity.Id.Value}";
        if (_options.GreetFirstNanos > 0 && await RefusalAsync() is { } refusal)
        {
            OnRefused?.Invoke(refusal);
            return refusal;
        }
        for (int i = 0; i < _seats.Count; i++)
        {
            OsdShard shard = new(i, _seats[i], _options, Identity, this, _log);
            string? wrong = await ShardCall.RunAsync(Reactor, shard.Reactor, () => shard.StartAsync(label));
            if (wrong is not null) { return wrong; }
            _shards.Add(shard);
        }
        foreach (ShardSeat seat in _seats) { AddAcceptor(seat.Transport); }
        string? busy = Listen();
        if (busy is not null) { return busy; }
        StartControl();
        OnStarted?.Invoke();
        return null;
    }

    /// <summary>Shows the device's label to the monitors.</summary>
    /// <returns>Null unless they refuse it.</returns>
    private async ReactorTask<string?> RefusalAsync()
    {
        MonClient mons = new(Reactor, _seats[0].Transport, MonOptions() with { Watch = false }, Reactor.Prng.Fork());
        mons.Start();
        _ = await mons.WaitForGreetingAsync(_options.GreetFirstNanos);
        // One that refuses is enough when no other lets us in.
        string? text = !mons.IsConnected && mons.Refusal.Length > 0 ? RefusalText(Identity!, mons.Refusal) : null;
        mons.Stop();
        return text;
    }

    internal static string RefusalText(OsdIdentity self, string why) =>
        $"the monitors do not let osd.{self.Id.Value} of cluster {self.Cluster} in: {why}";

    private MonClientOptions MonOptions() => new()
    {
        Mons = _options.Mons,
        Remembered = _shards.Count > 0 ? _shards[0].LastMons : [],
        Role = PeerRole.Osd,
        NodeId = Identity!.Id.Value,
        Instance = Identity.Device,
        Cluster = Identity.Cluster,
        WaitsForOlderMons = true,
    };

    private void AddAcceptor(ITransport transport)
    {
        foreach (SeatAcceptor existing in _acceptors)
        {
            if (existing.Transport == transport) { return; }
        }
        SeatAcceptor acceptor = new(transport, _shards);
        transport.Acceptor = acceptor;
        _acceptors.Add(acceptor);
    }

    private string? Listen()
    {
        OsdInfo? last = _shards[0].LastSelf;
        Errno status = ListenAt(_options.PublicAddress, last?.PublicAddress, out NetAddress bound);
        if (status != Errno.None) { return $"cannot listen on {_options.PublicAddress}: {ErrnoText.Of(status)}"; }
        (PublicAddress, ClusterAddress) = (bound, bound);
        if (_options.ClusterAddress == _options.PublicAddress) { return null; }
        status = ListenAt(_options.ClusterAddress, last?.ClusterAddress, out bound);
        if (status != Errno.None) { return $"cannot listen on {_options.ClusterAddress}: {ErrnoText.Of(status)}"; }
        ClusterAddress = bound;
        return null;
    }

    /// <summary>Where any port will do, the last one is the best: clients and peers find this OSD again although no monitor
    /// is there to tell them of another.</summary>
    private Errno ListenAt(NetAddress wanted, NetAddress? last, out NetAddress bound)
    {
        if (wanted.Port == 0 && last is not null
            && _seats[0].Transport.Listen(new NetAddress(wanted.Address, last.Port), this, out bound) == Errno.None)
        {
            return Errno.None;
        }
        return _seats[0].Transport.Listen(wanted, this, out bound);
    }

    private void StartControl()
    {
        _mons = new MonClient(Reactor, _seats[0].Transport, MonOptions(), Reactor.Prng.Fork());
        _mons.AddListener(this);
        _mons.Start();
        _heartbeat = new OsdHeartbeat(Reactor, _mons, _options, Identity!, PublicAddress!, ClusterAddress!, _shards, _log)
        {
            OnRefused = text => OnRefused?.Invoke(text),
        };
        _heartbeat.RunAsync().Start();
    }

    /// <summary>How long a clean end may look for others to lead this OSD's PGs.</summary>
    private const long RetireNanos = Units.NanosPerSecond;

    /// <summary>A clean end: others lead its PGs, then it tells the monitors and closes the shards.</summary>
    public async ReactorTask StopAsync()
    {
        long deadline = Reactor.NowNanos + RetireNanos;
        foreach (OsdShard shard in _shards)
        {
            long left = Math.Max(0, deadline - Reactor.NowNanos);
            _ = await ShardCall.RunAsync(Reactor, shard.Reactor, () => RetireShardAsync(shard, left));
        }
        if (_heartbeat is not null) { await _heartbeat.StopAsync(); }
        _mons?.Stop();
        foreach (OsdShard shard in _shards) { _ = await ShardCall.RunAsync(Reactor, shard.Reactor, () => StopShardAsync(shard)); }
    }

    /// <summary>Frees the shards' memory; after the reactors have ended.</summary>
    public void Dispose()
    {
        foreach (OsdShard shard in _shards) { shard.Dispose(); }
    }

    private static async ReactorTask<string?> RetireShardAsync(OsdShard shard, long timeoutNanos)
    {
        await shard.Host.RetireAsync(timeoutNanos);
        return null;
    }

    private static async ReactorTask<string?> StopShardAsync(OsdShard shard)
    {
        await shard.StopAsync();
        return null;
    }

    public string? Check(in Hello peer, out Hello own, out ITransport target)
    {
        own = new Hello
        {
            Role = PeerRole.Osd,
            NodeId = Identity!.Id.Value,
            Cluster = Identity.Cluster,
            Instance = Identity.Device,
            Shard = peer.Shard,
        };
        target = _seats[0].Transport;
        if (peer.Version != Hello.CurrentVersion)
        {
            return $"this OSD speaks protocol {Hello.CurrentVersion}, not {peer.Version}: use the same version of fastblock";
        }
        if (peer.RequiredFeatures != 0) { return "this OSD is too old for the features that are asked for"; }
        if (peer.Cluster != Identity.Cluster && peer.Cluster != Guid.Empty)
        {
            return $"osd.{Identity.Id.Value} belongs to cluster {Identity.Cluster}, not to {peer.Cluster}";
        }
        if (peer.Shard >= _seats.Count) { return $"osd.{Identity.Id.Value} has {_seats.Count} shards, there is no shard {peer.Shard}"; }
        target = _seats[peer.Shard].Transport;
        return null;
    }

    public void OnMapChanged(ClusterMap map, MapDelta delta)
    {
        MapUpdate update = MapUpdate.Of(map, delta);
        foreach (OsdShard shard in _shards) { shard.Reactor.Post(update.For(shard)); }
    }

    public void OnShardReport(ShardReport report) => Reactor.Post(new ReportDelivery(this, report));

    public void OnShardFailed(int shard, Errno status)
    {
        if (Failure != Errno.None) { return; }
        Failure = status;
        string text = $"shard {shard}: the device failed a write ({status}); this OSD ends so that others take over";
        _log.Error(text);
        Reactor.Post(new FailureDelivery(this, text));
    }

    /// <summary>Nothing that is on a device that fails writes can be answered for. The monitors are told why, if they hear it; then the
    /// process ends.</summary>
    private async ReactorTask EndAsync(string text)
    {
        foreach (OsdShard shard in _shards) { shard.Reactor.Post(new QuietCall(shard)); }
        if (_heartbeat is not null) { await _heartbeat.StopAsync(text); }
        OnFailed?.Invoke(text);
    }

    public ControlReply OnProcessRequest(ControlRequest request) => ProcessRequests?.Invoke(request)
        ?? new ControlReply { Status = ControlStatus.StatusInvalid, Text = "this OSD does not answer that request" };

    private sealed class FailureDelivery(OsdServer server, string text) : IRunnable
    {
        public void Run() => server.EndAsync(text).Start();
    }

    private sealed class QuietCall(OsdShard shard) : IRunnable
    {
        public void Run() => shard.GoQuiet();
    }

    /// <summary>A shard's report on its way to the heartbeat.</summary>
    private sealed class ReportDelivery(OsdServer server, ShardReport report) : IRunnable
    {
        public void Run() => server._heartbeat?.OnReport(report);
    }

    /// <summary>Hands accepted connections to the shard that they name; several shards may share a transport.</summary>
    private sealed class SeatAcceptor(ITransport transport, List<OsdShard> shards) : IConnectionAcceptor
    {
        public ITransport Transport { get; } = transport;

        public IConnectionHandler? OnAccepted(IConnection connection)
        {
            int shard = connection.PeerHello.Shard;
            return shard < shards.Count ? shards[shard].OnAccepted(connection) : null;
        }
    }
}

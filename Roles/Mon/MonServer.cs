using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Config;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Device;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Mon;

/// <summary>
/// A monitor: one replica of the cluster's metadata store, and the door to it.
/// <code>
///   requests ──► queue ──► MonState (pure) ──► transaction ──► raft ──► MonStore ──► watchers
///                  ▲              │ refusal, reading: answered when     │
///                  └─ own ticks   ▼ leadership is confirmed             └──► MonDisk (key-value store)
/// </code>
/// Commands are decided one after another on the leader; a transaction carries the revision it was decided at and has no effect
/// if another one got in between (then the command is decided anew). Other monitors answer commands with the leader's
/// address, and serve watches themselves. Files: Commands, Machine (raft's side), Watches, Peers (founding and hand-over).
/// </summary>
internal sealed partial class MonServer : IControlService, IConnectionAcceptor, IHelloGate, IStateMachine, IDisposable
{
    /// <summary>The monitors' group.</summary>
    private static readonly PgId GroupId = new(0);

    /// <summary>There is only ever one group of monitors.</summary>
    private const ulong Incarnation = 1;

    /// <summary>Hello.Shard of control connections between monitors; raft's own use shard 0.</summary>
    private const ushort PeerControlShard = 1;

    private readonly MonOptions _options;
    private readonly Reactor _reactor;
    private readonly ITransport _transport;
    private readonly IBlockDevice _device;
    private readonly Log _log;
    private readonly MonStore _store = new();
    private readonly MonRuntime _runtime = new();
    private readonly MonState _state;
    private readonly KvStore _kv = new();
    private readonly RaftReplay _replay = new();
    private readonly MonDisk _disk;
    private readonly CallbackTimer _ticker;
    private readonly List<ControlSession> _sessions = [];
    private MonIdentity _identity = new();
    private Guid _cluster;
    private Guid _instance;
    private DiskLog? _diskLog;
    private RaftHost? _host;
    private RaftGroup? _group;
    private bool _running;
    private long _lastTick;
    private long _leaderSeen;

    public MonServer(MonOptions options, Reactor reactor, ITransport transport, IBlockDevice device, Log log)
    {
        _options = options;
        _reactor = reactor;
        _transport = transport;
        _device = device;
        _log = log;
        _disk = new MonDisk(_kv);
        _state = new MonState(_store, _runtime, options, reactor.Prng.Fork());
        _ticker = new CallbackTimer(OnTick);
    }

    /// <summary>Frees what is not the collector's; after the reactor has ended.</summary>
    public void Dispose() => _kv.Dispose();

    /// <summary>Where it listens; meaningful once started.</summary>
    public NetAddress? Address { get; private set; }

    public MonId Id => new(_identity.MonId);

    /// <summary>The replicated state, for tests and metrics.</summary>
    public MonStore Store => _store;

    /// <summary>Leads, and holds everything that was ever acknowledged.</summary>
    public bool IsLeader => _group is { IsReady: true };

    /// <summary>The device failed: nothing is acknowledged any more.</summary>
    public bool HasFailed => _host is { Failure: not Errno.None };

    /// <summary>Called once when the device fails: the process should end.</summary>
    public Action<string>? OnFailed { get; init; }

    /// <summary>Called once when the cluster goes on without this monitor: the process should end.</summary>
    public Action<string>? OnRemoved { get; init; }

    /// <summary>Called once when it runs, on its reactor.</summary>
    public Action? OnStarted { get; set; }

    /// <summary>Answers requests that concern the process and not the cluster; null = there is no process.</summary>
    public Func<ControlRequest, ControlReply>? ProcessRequests { get; init; }

    public MonCounters Counters { get; } = new();

    /// <summary>Opens the device, listens and joins its peers.</summary>
    /// <returns>Null when it runs, else what is wrong and what to do.</returns>
    public async ReactorTask<string?> StartAsync()
    {
        string? wrong = await OpenDeviceAsync();
        if (wrong is not null) { return wrong; }
        NetAddress? own = _options.Listen;
        foreach (MonIdentityMember member in _identity.Members)
        {
            if (member.Id != _identity.MonId || own is not null) { continue; }
            _ = NetAddress.TryParse(member.Address, 0, out own);
        }
        if (own is null) { return "the device does not say where this monitor listens: give --listen"; }
        _transport.Acceptor = this;
        Errno listening = _transport.Listen(own, this, out NetAddress bound);
        if (listening is not Errno.None) { return $"cannot listen on {own}: {ErrnoText.Of(listening)}"; }
        Address = bound;
        _host = new RaftHost(_reactor, _transport, _diskLog!, _kv, _replay, RaftOptions(), _reactor.Prng.Fork(), _log);
        Errno settled = await _host.SettleDamageAsync();
        if (settled is not Errno.None) { return $"the log cannot be written: {ErrnoText.Of(settled)}"; }
        _diskLog!.StartCleaner(_host, mover: null);
        _host.OnFailed = error => OnFailed?.Invoke($"the device failed: {error}");
        _running = true;
        _host.Start();
        _lastTick = _leaderSeen = _reactor.NowNanos;
        _reactor.Arm(_ticker, _reactor.NowNanos + _options.TickNanos);
        if (_host.Stored.Count > 0)
        {
            string? wrongGroup = OpenStoredGroup(_host.Stored[0]);
            if (wrongGroup is null) { OnStarted?.Invoke(); }
            return wrongGroup;
        }
        bool mayHaveVoted = _disk.DurableApplied > 0 && (IsSettled || _identity.Joins);
        if (mayHaveVoted || (_identity.Joins && _replay.Corruptions.Count > 0)) { return "the device has lost the monitor's log: it must not vote again"; }
        (_identity.Joins ? JoinAsync() : FoundAsync()).Forget();
        OnStarted?.Invoke();
        return null;
    }

    /// <summary>A clean stop: the leadership goes to another monitor; everything durable is on the device already.</summary>
    public async ReactorTask StopAsync()
    {
        if (_host is not null) { await _host.RetireAsync(Units.NanosPerSecond); }
        _running = false;
        _reactor.Disarm(_ticker);
        _host?.Stop();
        foreach (ControlSession session in _sessions.ToArray()) { session.Connection.Close(Errno.ShutDown); }
        if (_diskLog is not null) { _ = await _diskLog.CloseAsync(); }
    }

    private async ReactorTask<string?> OpenDeviceAsync()
    {
        VolumeResult label = await DeviceVolume.OpenAsync(_reactor, _device, new VolumeExpectation { Kind = NodeKind.Mon });
        if (label.Status is not VolumeStatus.Ok) { return label.Text; }
        VolumeLabel found = label.Label!;
        DevicePartition part = new(_reactor, _device, found.PartOffset(0), found.PartBytes);
        ShardVolumeResult volume = await ShardVolume.OpenAsync(_reactor, part, found, 0);
        if (volume.Status is not VolumeStatus.Ok) { return volume.Text; }
        LogOpenResult opened = await DiskLog.OpenAsync(_reactor, volume.Volume!, new DiskLogOptions(), _replay, _kv);
        if (opened.Status is not Errno.None) { return opened.Text; }
        _diskLog = opened.Log;
        foreach (LogCorruption corruption in _replay.Corruptions)
        {
            _log.Error($"log damage at {corruption.DeviceOffset}: {corruption.Kind}");
        }
        if (!_disk.TryReadIdentity(out _identity) || _identity.MonId != found.NodeId || _identity.Members.Count == 0)
        {
            return "the device was not completely made: run 'fastblock mon mkfs' again";
        }
        if (_identity.Removed) { return RemovedText; }
        if (!_disk.TryLoad(_store, out _)) { return "the monitor's store holds records that this version cannot read"; }
        _cluster = found.Cluster;
        _instance = found.Device;
        RecallRoster();
        // With others, raft has them supply what is lost; alone, going on would silently undo changes.
        if (_replay.Corruptions.Count > 0 && _roster.Mons.Count == 1)
        {
            return "the log of the only monitor is damaged: restore its device from a copy";
        }
        return null;
    }

    private RaftHostOptions RaftOptions() => new()
    {
        Self = new NodeId(_identity.MonId),
        Instance = _instance,
        Role = PeerRole.Mon,
        Cluster = _cluster,
        ElectionTimeoutNanos = _options.ElectionTimeoutNanos,
        HeartbeatNanos = _options.ElectionTimeoutNanos / 5,
    };

    private void OnTick(long nowNanos)
    {
        if (!_running) { return; }
        // A tick that comes far too late says that this process was stopped or overloaded: silence of others means nothing.
        if (nowNanos - _lastTick > _options.TickNanos + Units.NanosPerSecond) { _runtime.ExtendGrace(nowNanos); }
        _lastTick = nowNanos;
        _reactor.Arm(_ticker, nowNanos + _options.TickNanos);
        if (_group is null) { return; }
        SeekWhenAlone(nowNanos);
        if (_group.IsLeader || !_group.LeaderHint.IsNone) { _leaderSeen = nowNanos; }
        if (_group.IsReady) { EnqueueTick(); }
        Pump();
        FlushDisk();
        PumpWatches();
        UpdateCounters();
        if (nowNanos - _leaderSeen > _options.LeaderlessNanos) { DropWatches(); }
    }

    private void UpdateCounters()
    {
        Counters.IsLeader = IsLeader ? 1 : 0;
        Counters.Revision = (long)_store.Revision;
        Counters.Sessions = _sessions.Count;
        Counters.Queued = _queue.Count;
    }

    // ---- connections ----

    /// <summary>Protocol version of the newest peer, so that it is told once.</summary>
    private ushort _newestHeard = Hello.CurrentVersion;

    string? IHelloGate.Check(in Hello peer, out Hello own, out ITransport target)
    {
        target = _transport;
        own = new Hello
        {
            Role = PeerRole.Mon,
            NodeId = _identity.MonId,
            Shard = peer.Shard,
            Cluster = _cluster,
            Instance = _instance,
        };
        if (peer.Version < Hello.CurrentVersion)
        {
            return $"this monitor speaks protocol {Hello.CurrentVersion}, not {peer.Version}: use the same version of fastblock";
        }
        // A newer peer reads our version in our hello and knows best whether it can speak it, or waits until we are upgraded.
        if (peer.Version > _newestHeard)
        {
            _newestHeard = peer.Version;
            _log.Warn($"a {peer.Role} speaks protocol {peer.Version}, this monitor {Hello.CurrentVersion}: upgrade the monitors");
        }
        if (peer.RequiredFeatures != 0) { return "this monitor is too old for the features that are asked for"; }
        if (peer.Cluster != Guid.Empty && peer.Cluster != _cluster)
        {
            return $"this is a monitor of cluster {_cluster}, not of {peer.Cluster}";
        }
        if (peer.Role is not (PeerRole.Client or PeerRole.Osd or PeerRole.Mon)) { return "unknown role"; }
        // One that is no member, or not any more, may ask who is.
        return peer.Role is PeerRole.Mon && peer.Shard != PeerControlShard && _roster.Find(peer.NodeId) is null
            ? $"mon.{peer.NodeId} is not a member of this cluster" : null;
    }

    IConnectionHandler? IConnectionAcceptor.OnAccepted(IConnection connection)
    {
        ref readonly Hello peer = ref connection.PeerHello;
        if (!_running) { return null; }
        if (peer.Role is PeerRole.Mon && peer.Shard != PeerControlShard) { return _host?.OnPeerConnection(connection); }
        if (_sessions.Count >= MonLimits.Watchers) { return null; }
        ControlSession session = new(this, connection);
        _sessions.Add(session);
        return session;
    }

    void IControlService.OnSessionClosed(ControlSession session) => _sessions.Remove(session);

    private NetAddress? AddressOf(NodeId mon) => _roster.Find(mon.Value)?.Address;
}

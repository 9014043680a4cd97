using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Client;

/// <summary>A node's line to the monitors: keeps a connection to any of them, a watch with a mirror of the cluster map, and
/// finds the leader for commands. Losing all monitors costs nothing but map changes: it goes on trying for ever.
/// <para>Two connections at most: the *home* one (any monitor: the watch, and commands while it leads) and the *leader* one
/// (opened when home answered "not the leader"). One reactor's thread only.</para></summary>
internal sealed partial class MonClient : IControlChannelOwner
{
    private readonly Reactor _reactor;
    private readonly ITransport _transport;
    private readonly MonClientOptions _options;
    private readonly Prng _prng;
    private readonly MonOutcomes _mons;
    private readonly List<IMapListener> _listeners = [];
    private readonly List<Waiter> _waiters = [];
    private readonly RetryTimer _retry;
    private ControlChannel? _home;
    private ControlChannel? _leader;
    private int _nextMon;
    private int _failures;
    private ulong _sequence;
    private bool _started;

    public MonClient(Reactor reactor, ITransport transport, MonClientOptions options, Prng prng)
    {
        Invariant.Require(options.Mons.Count > 0);
        _reactor = reactor;
        _transport = transport;
        _options = options;
        _prng = prng;
        _mons = new MonOutcomes(options.Mons);
        if (options.Remembered.Count > 0) { _mons.Follow(options.Remembered); }
        _retry = new RetryTimer(this);
        _nextMon = prng.Below(_mons.Count);
        // Starts at random, so that a client that was restarted under the same instance does not repeat numbers.
        _sequence = prng.Next() >> 1;
    }

    /// <summary>The mirror; empty until <see cref="IsMapReady"/>. With all monitors gone it stays as it was.</summary>
    public ClusterMap Map { get; } = new();

    /// <summary>The map is complete (it may be old while no monitor answers).</summary>
    public bool IsMapReady { get; private set; }

    /// <summary>Connected to some monitor.</summary>
    public bool IsConnected => _home is { IsUp: true };

    /// <summary>Every monitor known has refused to talk to us: they belong to another cluster, or speak another version.</summary>
    public bool IsRefused => _mons.AllRefuse(olderOnesRefuse: !_options.WaitsForOlderMons);

    /// <summary>What the last monitor said that refused us since one let us in; empty when none did.</summary>
    public string Refusal => _mons.Refusal;

    /// <summary>The version that older monitors speak; null when there are none, as far as is known.</summary>
    public ushort? OlderVersion => _mons.OlderVersion;

    public void Start()
    {
        Invariant.Require(!_started);
        _started = true;
        ConnectHome();
    }

    /// <summary>Closes everything; requests in flight end with NoConnection.</summary>
    public void Stop()
    {
        _started = false;
        _reactor.Disarm(_retry);
        _home?.Close(Errno.ShutDown);
        _leader?.Close(Errno.ShutDown);
        WakeWaiters();
    }

    public void AddListener(IMapListener listener) => _listeners.Add(listener);

    public void RemoveListener(IMapListener listener) => _listeners.Remove(listener);

    /// <summary>Asks the monitors: finds the leader, repeats over lost connections and elections under the same identity, so
    /// that a command is done once. Never throws.</summary>
    /// <param name="timeoutNanos">After it: Timeout (some monitor was reached, the outcome may be unknown) or NoConnection.
    /// When all monitors refuse to talk to us: Permission, at once.</param>
    public async ReactorTask<ControlReply> RequestAsync(ControlRequest request, long timeoutNanos)
    {
        request.ClientInstance = UuidBytes.ToBytes(_options.Instance);
        request.ClientSequence = ++_sequence;
        long deadline = _reactor.NowNanos + timeoutNanos;
        string why = "";
        bool reached = false;
        while (_started && _reactor.NowNanos < deadline)
        {
            ControlChannel? channel = _leader is { IsUp: true } ? _leader : _home;
            if (channel is not { IsUp: true })
            {
                if (IsRefused) { return ControlCodec.Reply(ControlStatus.StatusPermission, NoConnectionText()); }
                _ = await WaitAsync(static client => client.IsConnected || client._leader is { IsUp: true } || client.IsRefused, deadline);
                continue;
            }
            long attemptEnd = Math.Min(deadline, _reactor.NowNanos + _options.AttemptNanos);
            ControlReply reply = await channel.RequestAsync(request, attemptEnd);
            switch (reply.Status)
            {
                case ControlStatus.StatusTimeout:
                    reached = true;
                    channel.Close(Errno.TimedOut);
                    break;
                case ControlStatus.StatusNoConnection:
                    break;
                case ControlStatus.StatusNotLeader:
                    reached = true;
                    FollowRedirect(channel, reply);
                    await PauseAsync(deadline);
                    break;
                case ControlStatus.StatusAgain:
                    reached = true;
                    await PauseAsync(deadline);
                    break;
                default:
                    return reply;
            }
            why = reply.Text;
        }
        return reached
            ? ControlCodec.Reply(ControlStatus.StatusTimeout, IsConnected && why.Length > 0 ? why : TimeoutText())
            : ControlCodec.Reply(ControlStatus.StatusNoConnection, NoConnectionText());
    }

    /// <summary>Waits until a monitor has let us in, or all have refused, or none could be reached.</summary>
    /// <returns>False when it is not known by then.</returns>
    public ReactorTask<bool> WaitForGreetingAsync(long timeoutNanos) =>
        WaitAsync(static client => client.IsConnected || client.IsRefused || client._failures >= client._mons.Count, _reactor.NowNanos + timeoutNanos);

    /// <summary>Waits until the map is complete.</summary>
    /// <returns>False when it is not by then.</returns>
    public ReactorTask<bool> WaitForMapAsync(long timeoutNanos) =>
        WaitAsync(static client => client.IsMapReady, _reactor.NowNanos + timeoutNanos);

    /// <summary>Waits until the mirror has reached <paramref name="epoch"/>, for example the revision of a reply.</summary>
    public ReactorTask<bool> WaitForEpochAsync(Epoch epoch, long timeoutNanos) =>
        WaitAsync(client => client.IsMapReady && client.Map.Epoch >= epoch, _reactor.NowNanos + timeoutNanos);

    /// <summary>Waits for a map that is as new as the cluster itself at this moment: the monitor that we watch may lag behind
    /// the leader that has just answered a command of ours or of somebody else.</summary>
    /// <returns>The status of asking the leader, or Timeout when the map did not come.</returns>
    public async ReactorTask<ControlStatus> CatchUpAsync(long timeoutNanos)
    {
        long deadline = _reactor.NowNanos + timeoutNanos;
        ControlReply reply = await RequestAsync(new ControlRequest { Health = new HealthRequest() }, timeoutNanos);
        if (reply.Status is not ControlStatus.StatusOk) { return reply.Status; }
        bool reached = await WaitForEpochAsync(new Epoch(reply.Revision), deadline - _reactor.NowNanos);
        return reached ? ControlStatus.StatusOk : ControlStatus.StatusTimeout;
    }

    private string TimeoutText() =>
        IsConnected ? "the monitors did not answer in time" : NoConnectionText();

    /// <summary>What to tell a user who could not reach the cluster.</summary>
    public string NoConnectionText() => _mons.Describe();

    void IControlChannelOwner.OnChannelUp(ControlChannel channel)
    {
        _mons.OnUp(channel.Address);
        if (channel == _home)
        {
            _failures = 0;
            if (_options.Watch) { WatchAsync(channel).Forget(); }
        }
        WakeWaiters();
    }

    void IControlChannelOwner.OnChannelClosed(ControlChannel channel, Errno reason, string detail)
    {
        if (_started) { NoteClosed(channel, reason, detail.Length > 0 ? detail : ErrnoText.Of(reason)); }
        if (channel == _leader) { _leader = null; }
        if (channel != _home) { return; }
        _home = null;
        if (!_started) { return; }
        long delay = Math.Min(_options.RetryLastNanos, _options.RetryFirstNanos << Math.Min(_failures, 10));
        _failures++;
        WakeWaiters();
        if (!_started) { return; } // one of them has stopped us
        _reactor.Arm(_retry, _reactor.NowNanos + (delay / 2) + _prng.Between(0, delay / 2));
    }

    private void NoteClosed(ControlChannel channel, Errno reason, string why)
    {
        switch (reason)
        {
            case Errno.ShutDown or Errno.Stale or Errno.Again: // we closed it, and know better why
                break;
            case Errno.NotPermitted:
                _mons.OnRefused(channel.Address, why);
                break;
            case Errno.Protocol when channel.PeerHello is { Role: PeerRole.Mon, Version: < Hello.CurrentVersion } older:
                _mons.OnOlder(channel.Address, older.Version, Hello.CurrentVersion);
                break;
            default:
                _mons.OnUnreachable(channel.Address, why);
                break;
        }
    }

    private Hello MakeHello() => new()
    {
        Role = _options.Role,
        NodeId = _options.NodeId,
        Cluster = _options.Cluster != Guid.Empty ? _options.Cluster : Map.Cluster?.Uuid ?? Guid.Empty,
        Instance = _options.Instance,
    };

    private void ConnectHome()
    {
        if (!_started || _home is not null) { return; }
        NetAddress address = _mons.Pick(_nextMon, _failures);
        _nextMon = (_nextMon + 1) & int.MaxValue;
        _home = new ControlChannel(_reactor, _transport, address, MakeHello(), this);
        long patience = Math.Min(_options.ConnectLastNanos, _options.ConnectNanos << Math.Min(_failures / _mons.Count, 10));
        _reactor.Arm(_retry, _reactor.NowNanos + patience);
    }

    /// <summary>Time to connect, or to give up the connection that is being made.</summary>
    private void OnRetryTimer()
    {
        if (_home is { IsUp: false }) { _home.Close(Errno.TimedOut); } // its end arms the timer for the next one
        else { ConnectHome(); }
    }

    private void FollowRedirect(ControlChannel from, ControlReply reply)
    {
        if (from == _leader)
        {
            from.Close(Errno.Stale); // it led once
            _leader = null;
        }
        if (!NetAddress.TryParse(reply.LeaderAddress, 0, out NetAddress? address) || address == from.Address) { return; }
        if (_home is { IsUp: true } && _home.Address == address) { return; }
        _leader ??= new ControlChannel(_reactor, _transport, address, MakeHello(), this);
    }

    private async ReactorTask PauseAsync(long deadline)
    {
        long pause = (20 * Units.NanosPerMilli) + _prng.Between(0, 30 * Units.NanosPerMilli);
        await _reactor.Delay(Math.Max(0, Math.Min(pause, deadline - _reactor.NowNanos)));
    }

    /// <summary>Monitors come and go: the map says who they are now.</summary>
    private void LearnMons()
    {
        if (Map.Cluster is { } cluster && cluster.Mons.Count > 0) { _mons.Follow(cluster.Mons); }
    }

    private sealed class RetryTimer(MonClient client) : TimerEntry
    {
        public override void OnTimer(long nowNanos) => client.OnRetryTimer();
    }
}

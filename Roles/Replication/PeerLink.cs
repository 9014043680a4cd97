using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;

// The one connection between this shard and the same shard of a peer. The node with the lower id dials; the other one only
// accepts. All groups share it: their messages of one loop iteration go out in one frame, and one merged heartbeat per interval
// stands for all of them.
namespace Fastblock.Roles.Replication;

/// <summary>A peer's shard: address, connection, heartbeats. Lives as long as the host.</summary>
internal sealed class PeerLink : IConnectionHandler, IHeartbeatSlots
{
    /// <summary>Bytes queued on the connection beyond which no entries are sent: the queue's limit leaves room for the rest.</summary>
    private const int MaxQueuedBytes = NetLimits.MaxSendQueueBytes / 2;

    /// <summary>When a full queue is looked at again.</summary>
    private const long RetryNanos = 2 * Units.NanosPerMilli;

    private readonly RaftHost _host;
    private readonly RaftFrameWriter _writer = new();
    private readonly CallbackTimer _dialTimer;
    private readonly CallbackTimer _retryTimer;
    private IConnection? _connection;
    private NetAddress? _address;
    private Guid _instance;
    private long _backOff;
    private long _wantedUntil = long.MinValue;

    public PeerLink(RaftHost host, NodeId id, Prng prng)
    {
        _host = host;
        Id = id;
        Sender = new HeartbeatSender(prng);
        _backOff = host.Options.ReconnectFirstNanos;
        _dialTimer = new CallbackTimer(_ => Dial());
        _retryTimer = new CallbackTimer(_ => _host.OnLinkWritable(this));
    }

    public NodeId Id { get; }

    /// <summary>Heartbeats for groups that this node leads.</summary>
    public HeartbeatSender Sender { get; }

    /// <summary>Heartbeats for groups that the peer leads.</summary>
    public HeartbeatReceiver Receiver { get; } = new();

    public bool IsUp { get; private set; }

    /// <summary>The peer's store takes no new data, as it said last on this connection.</summary>
    public bool IsFull { get; set; }

    /// <summary>The peer is about to end: it takes no leadership. As it said last on this connection.</summary>
    public bool IsEnding { get; set; }

    /// <summary>At the other end is the device that the map names: also who is no member as far as a replica knows may be heard.</summary>
    public bool IsByMap => _instance != Guid.Empty && PeerInstance == _instance;

    /// <summary>What is at the other end; empty while it is down.</summary>
    public Guid PeerInstance { get; private set; }

    /// <summary>Open groups that the peer is a member of: without any, nobody dials, unless a group looks for its leader.</summary>
    public int Users { get; set; }

    /// <summary>Messages wait for <see cref="Flush"/>.</summary>
    public bool HasPending => !_writer.IsEmpty;

    /// <summary>In the host's list of links to flush.</summary>
    public bool IsPendingQueued { get; set; }

    private bool IsWanted => Users > 0 || _host.IsSeeking || _host.Reactor.NowNanos < _wantedUntil;

    private bool IsDialer => _host.Options.Self < Id;

    /// <summary>Where to dial, and the device that the peer has now.</summary>
    public void SetAddress(NetAddress address, Guid instance)
    {
        bool changed = _address != null && (_address != address || _instance != instance);
        _address = address;
        _instance = instance;
        if (changed && _connection != null && (IsDialer || PeerInstance != instance)) { _connection.Close(Errno.Stale); }
        MaybeDial();
    }

    /// <summary>Somebody has something to say to who is no member of a group here: dials for a while even so.</summary>
    public void DialFor(long nanos)
    {
        _wantedUntil = _host.Reactor.NowNanos + nanos;
        MaybeDial();
    }

    /// <summary>Dials when there is reason to, and nothing is under way.</summary>
    public void MaybeDial()
    {
        if (!_host.IsStarted || !IsDialer || _connection != null || _address == null || !IsWanted) { return; }
        if (!_dialTimer.IsArmed) { _host.Reactor.Arm(_dialTimer, _host.Reactor.NowNanos); }
    }

    /// <summary>A connection from the peer. The newer one counts: the peer dials again only when it has given the older one up.</summary>
    public bool Accept(IConnection connection)
    {
        if (IsDialer || !_host.IsStarted) { return false; }
        if (_instance != Guid.Empty && connection.PeerHello.Instance != _instance) { return false; }
        IConnection? old = _connection;
        if (old != null)
        {
            LoseConnection();
            old.Close(Errno.Stale);
        }
        _connection = connection;
        return true;
    }

    public void Stop()
    {
        _host.Reactor.Disarm(_dialTimer);
        _host.Reactor.Disarm(_retryTimer);
        IConnection? connection = _connection;
        LoseConnection();
        connection?.Close(Errno.ShutDown);
    }

    // ---- sending ----

    /// <summary>May entries be sent now? When not, the host is told later.</summary>
    public bool HasRoom()
    {
        if (_connection == null || !IsUp) { return false; }
        if (_connection.QueuedBytes + _writer.PayloadBytes <= MaxQueuedBytes) { return true; }
        if (!_retryTimer.IsArmed) { _host.Reactor.Arm(_retryTimer, _host.Reactor.NowNanos + RetryNanos); }
        return false;
    }

    /// <summary>The frame under construction.</summary>
    public RaftFrameWriter Writer => _writer;

    /// <summary>Adds a message without entries; lost when the link is down, as on any network.</summary>
    public void Send(PgId group, ulong incarnation, in RaftMessage message)
    {
        if (!IsUp) { return; }
        if (!_writer.TryAdd(group, incarnation, in message))
        {
            Flush();
            _ = _writer.TryAdd(group, incarnation, in message);
        }
        _host.OnLinkPending(this);
    }

    /// <summary>Sends the frame under construction.</summary>
    public void Flush()
    {
        if (_writer.IsEmpty) { return; }
        _writer.SenderIsFull = _host.IsStoreFull;
        _writer.SenderIsEnding = _host.IsRetiring;
        Errno status = _connection is { } connection && IsUp
            ? connection.TrySend(FrameType.Raft, _writer.Body, _writer.Parts)
            : Errno.NotConnected;
        _writer.Clear();
        _host.RaftFramesSent++;
        // Groups count on what was handed over until the connection is lost: so it is.
        if (status != Errno.None) { _connection?.Close(status); }
    }

    /// <summary>Sends a merged heartbeat if there is anybody to beat for.</summary>
    public void Beat(long now, Span<byte> scratch, Span<HeartbeatChange> changes)
    {
        if (!IsUp || _connection is not { } connection || !Sender.HasWork) { return; }
        HeartbeatBeat beat = Sender.Next(now, changes, out int count);
        int bytes = HeartbeatFrames.Write(scratch, in beat, changes[..count]);
        _host.HeartbeatFramesSent++;
        if (connection.TrySend(FrameType.Heartbeat, scratch[..bytes]) != Errno.None) { connection.Close(Errno.NoBuffers); }
    }

    // ---- connection ----

    public void OnUp(IConnection connection)
    {
        if (connection != _connection) { return; }
        Guid instance = connection.PeerHello.Instance;
        bool right = connection.PeerHello.Role == _host.Options.Role && connection.PeerHello.NodeId == Id.Value &&
            (_instance == Guid.Empty || instance == _instance);
        if (!right)
        {
            _host.Log.Warn($"peer {Id}: another node or device answers (node {connection.PeerHello.NodeId}, {instance})");
            connection.Close(Errno.Stale);
            return;
        }
        _backOff = _host.Options.ReconnectFirstNanos;
        PeerInstance = instance;
        IsUp = true;
        _host.OnLinkChanged(this);
    }

    public void OnFrame(IConnection connection, in Frame frame)
    {
        if (connection != _connection || !IsUp) { return; }
        if (!_host.OnFrame(this, connection, in frame))
        {
            _host.Log.Warn($"peer {Id}: malformed {frame.Type} frame");
            connection.Close(Errno.Protocol);
        }
    }

    public void OnClosed(IConnection connection, Errno reason, string detail)
    {
        if (connection != _connection) { return; }
        if (IsUp || detail.Length > 0) { _host.Log.Info($"peer {Id}: connection closed: {reason} {detail}"); }
        LoseConnection();
        if (!_host.IsStarted || !IsDialer) { return; }
        // Random, so that two shards that lost one another do not stay in step.
        long delay = (_backOff / 2) + _host.Prng.Between(0, _backOff / 2);
        _backOff = Math.Min(_backOff * 2, _host.Options.ReconnectLastNanos);
        _host.Reactor.Arm(_dialTimer, _host.Reactor.NowNanos + delay);
    }

    private void Dial()
    {
        if (_connection != null || _address == null || !IsWanted || !_host.IsStarted) { return; }
        _connection = _host.Transport.Connect(_address, _host.OwnHello(), this);
    }

    private void LoseConnection()
    {
        bool wasUp = IsUp;
        _connection = null;
        IsUp = false;
        IsFull = false;
        IsEnding = false;
        PeerInstance = Guid.Empty;
        _writer.Clear();
        // Both ends forget the agreed set; groups that followed keep the time at which they last heard their leader.
        Receiver.Clear(this);
        Sender.Restart();
        if (wasUp) { _host.OnLinkChanged(this); }
    }

    // ---- merged heartbeats ----

    public void OnSlotLeft(PgId group, uint slot) => _host.FindGroup(group)?.OnSlotLeft(this, slot);

    public bool TryBind(in HeartbeatChange change) =>
        _host.FindGroup(change.Group) is { } group && group.TryFollow(this, in change);

    public void OnUnbound(PgId group, uint slot, long heardAt) => _host.FindGroup(group)?.OnUnfollowed(this, slot, heardAt);
}

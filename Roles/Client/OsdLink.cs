using System;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Client;

/// <summary>The connection to one shard of one OSD, used by all PGs that live there. Connects when somebody wants to send,
/// again after a growing pause when that failed. What was sent over a lost connection is the PGs' business.</summary>
internal sealed class OsdLink(ImageClient client, OsdId osd, int shard) : IConnectionHandler
{
    private IConnection? _connection;
    private NetAddress? _address;
    private long _retryAtNanos;
    private long _connectingSinceNanos;
    private int _failures;
    private long? _suspectSinceNanos;

    public OsdId Osd { get; } = osd;
    public int Shard { get; } = shard;
    public bool IsUp => _connection is { IsUp: true };

    /// <summary>It was silent for too long, and nothing has been heard since.</summary>
    public bool IsSuspect => _suspectSinceNanos is { } since && HeardNanos <= since;

    /// <summary>Until when a connection that is being made is worth waiting for.</summary>
    public long ConnectDeadlineNanos => _connectingSinceNanos + client.Options.ConnectWaitNanos;

    /// <summary>When the OSD was last heard, a sign of life included; 0 without a connection.</summary>
    public long HeardNanos => _connection?.HeardNanos ?? 0;

    /// <summary>When it was last asked for a sign of life.</summary>
    public long ProbedNanos { get; private set; }

    /// <summary>Says whether it can be used, and begins to connect if that is due.</summary>
    public LinkState Ensure(long nowNanos)
    {
        if (_connection is not null)
        {
            // An OSD that takes its time (a silent host, a stopped process) is waited for once, not by each PG anew.
            return _connection.IsUp ? LinkState.Up
                : nowNanos - _connectingSinceNanos < client.Options.ConnectWaitNanos ? LinkState.Connecting : LinkState.Unreachable;
        }
        if (nowNanos < _retryAtNanos) { return LinkState.Unreachable; }
        if (!client.Map.TryGetOsd(Osd, out OsdInfo? info) || info.PublicAddress is null) { return LinkState.Unreachable; }
        _address = info.PublicAddress;
        Hello hello = new()
        {
            Role = PeerRole.Client,
            Shard = (ushort)Shard,
            Cluster = client.Map.Cluster?.Uuid ?? Guid.Empty,
            Instance = client.Options.Instance,
        };
        _connectingSinceNanos = nowNanos;
        _connection = client.Transport.Connect(_address, in hello, this);
        return LinkState.Connecting;
    }

    /// <summary>Sends one request.</summary>
    /// <returns>As <see cref="IConnection.TrySend"/>.</returns>
    public Errno TrySend(ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload) =>
        _connection is null ? Errno.NotConnected : _connection.TrySend(FrameType.DataRequest, body, payload);

    /// <summary>It has been silent for too long.</summary>
    public void Suspect(long nowNanos) => _suspectSinceNanos = nowNanos;

    /// <summary>Asks for a sign of life.</summary>
    public void Probe(long nowNanos)
    {
        ProbedNanos = nowNanos;
        _connection?.Probe();
    }

    /// <summary>The map changed: an OSD that moved is reached at its new address, at once.</summary>
    public void OnMapChanged()
    {
        if (!client.Map.TryGetOsd(Osd, out OsdInfo? info) || info.PublicAddress == _address) { return; }
        _retryAtNanos = 0;
        _failures = 0;
        Close(Errno.HostUnreachable);
    }

    public void Close(Errno reason) => _connection?.Close(reason);

    void IConnectionHandler.OnUp(IConnection connection)
    {
        ref readonly Hello peer = ref connection.PeerHello;
        if (peer.Role != PeerRole.Osd || peer.NodeId != Osd.Value || peer.Shard != Shard)
        {
            // Somebody else listens at that address now; the map will tell.
            connection.Close(Errno.Protocol);
            return;
        }
        _failures = 0;
        _suspectSinceNanos = null;
        client.OnLinkUp(this);
    }

    void IConnectionHandler.OnFrame(IConnection connection, in Frame frame)
    {
        if (connection != _connection) { return; }
        _suspectSinceNanos = null;
        if (frame.Type != FrameType.DataReply || !client.TryHandleReply(this, in frame)) { connection.Close(Errno.Protocol); }
    }

    void IConnectionHandler.OnClosed(IConnection connection, Errno reason, string detail)
    {
        if (connection != _connection) { return; }
        _connection = null;
        _suspectSinceNanos = null;
        long pause = Math.Min(client.Options.ReconnectMaxNanos, client.Options.ReconnectMinNanos << Math.Min(_failures, 20));
        _failures++;
        _retryAtNanos = client.Reactor.NowNanos + pause;
        client.OnLinkDown(this);
    }
}

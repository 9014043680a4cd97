using System;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>One framed connection: hello, frames, keep-alive, end.
/// <code>
/// connecting side: Connecting --connected, hello sent--> Greeting --hello received--> Up --> Closed
/// accepting side:  (GreetingPeer) --hello received and let in--> Up (own hello sent first) --> Closed
/// </code></summary>
internal sealed class TcpConnection : TimerEntry, IConnection, IStreamHandler, IFrameSink
{
    private enum Stage : byte { Connecting, Greeting, Up, Closed }

    private readonly TcpTransport _transport;
    private readonly FrameReader _reader;
    private readonly Hello _ownHello;
    private IConnectionHandler? _handler;
    private TcpStream _stream = null!;
    private Hello _peerHello;
    private Stage _stage;
    private string _detail = "";
    private long _seenReceivedNanos;
    private int _silentTicks;
    private int _starvedTicks;

    internal TcpConnection(TcpTransport transport, in Hello ownHello, IConnectionHandler? handler)
    {
        _transport = transport;
        _ownHello = ownHello;
        _handler = handler;
        _reader = new FrameReader(transport.Reactor.Buffers, transport.Options.Streams.StagingBytes, this);
    }

    public ref readonly Hello PeerHello => ref _peerHello;

    public bool IsUp => _stage is Stage.Up && _stream.IsOpen;

    public int QueuedBytes => _stream.QueuedBytes;

    public long HeardNanos => _stream.IsPaused ? _transport.Reactor.NowNanos : _stream.LastReceivedNanos;

    public object? Tag { get; set; }

    public Errno TrySend(FrameType type, ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload = default)
    {
        if (!IsUp) { return Errno.NotConnected; }
        Invariant.Require(body.Length <= FrameHeader.MaxBodyBytes(type));
        int payloadBytes = 0;
        foreach (ref readonly PayloadPart part in payload) { payloadBytes += part.Length; }
        Invariant.Require(payloadBytes <= NetLimits.MaxPayloadBytes);
        return SendFrame(type, body, payload, payloadBytes);
    }

    public void Probe()
    {
        if (IsUp) { _ = SendFrame(FrameType.Ping, default, default, 0); }
    }

    public void Close(Errno reason) => _stream.Close(reason);

    /// <summary>Starts on a stream that connects.</summary>
    internal void BeginConnecting(TcpStream stream)
    {
        _stream = stream;
        _transport.Reactor.Arm(this, _transport.Reactor.NowNanos + _transport.Options.HelloTimeoutNanos);
    }

    /// <summary>Starts on a stream whose peer has been let in: greets it and lets the acceptor adopt this connection.</summary>
    internal void BeginAccepted(TcpStream stream, in Hello peer)
    {
        _stream = stream;
        _peerHello = peer;
        SendHello();
        _stage = Stage.Up;
        _reader.Use = PeerUse.Of(_ownHello.Role, peer.Role);
        ArmKeepAlive();
        _handler = _transport.Acceptor?.OnAccepted(this);
        if (_handler is null) { Close(Errno.ConnectionRefused); }
        else { _handler.OnUp(this); }
    }

    void IStreamHandler.OnConnected(TcpStream stream)
    {
        _stage = Stage.Greeting;
        SendHello();
    }

    int IStreamHandler.OnReceived(TcpStream stream, ReadOnlySpan<byte> bytes) => _reader.Read(stream, bytes);

    void IStreamHandler.OnFilled(TcpStream stream) => _reader.OnFilled();

    void IStreamHandler.OnClosed(TcpStream stream, Errno reason)
    {
        _stage = Stage.Closed;
        _transport.Reactor.Disarm(this);
        _transport.OnClosed(this);
        _reader.Clear();
        _handler?.OnClosed(this, reason, _detail);
    }

    bool IFrameSink.Allows(FrameType type, int bodyBytes, int payloadBytes) => _stage switch
    {
        Stage.Greeting => type is FrameType.Hello or FrameType.Refused && bodyBytes <= HelloCodec.MaxBytes && payloadBytes == 0,
        Stage.Up => type switch
        {
            FrameType.Ping or FrameType.Pong => bodyBytes == 0 && payloadBytes == 0,
            FrameType.None or FrameType.Hello or FrameType.Refused => false,
            _ => true,
        },
        _ => false,
    };

    void IFrameSink.OnFrame(in Frame frame)
    {
        _transport.Counters.FramesReceived++;
        if (_stage is Stage.Greeting)
        {
            OnGreeting(in frame);
            return;
        }
        switch (frame.Type)
        {
            case FrameType.Ping: _ = SendFrame(FrameType.Pong, default, default, 0); break; // a full queue proves life too
            case FrameType.Pong: break;
            default: _handler!.OnFrame(this, in frame); break;
        }
    }

    void IFrameSink.OnStarved() => _transport.AddStarved(this);

    /// <inheritdoc cref="FrameReader.Use"/>
    internal BufferUse Use => _reader.Use;

    /// <summary>Buffers may have come back.</summary>
    /// <returns>False when there still is none for this connection.</returns>
    internal bool TryFeed() => _reader.WantedBytes == 0 || !_stream.IsOpen || _reader.TryResume(_stream);

    /// <summary>Before up: the hello took too long. Afterwards: keep-alive, counted in ticks and not by the clock, so that a
    /// pause of this process is not taken for the peer's death.</summary>
    public override void OnTimer(long nowNanos)
    {
        if (_stage is not Stage.Up)
        {
            _detail = "no hello in time";
            Close(Errno.TimedOut);
            return;
        }
        // Two peers whose buffers are all on their way to one another would wait for ever.
        bool isStarved = _reader is { WantedBytes: > 0, Use: not BufferUse.Client } && _stream.LastReceivedNanos == _seenReceivedNanos;
        _starvedTicks = isStarved ? _starvedTicks + 1 : 0;
        if (_starvedTicks * _transport.Options.PingIntervalNanos >= _transport.Options.DeadAfterNanos)
        {
            _detail = "no buffer became free for what the peer sends";
            Close(Errno.NoBuffers);
            return;
        }
        bool isHeard = _stream.LastReceivedNanos != _seenReceivedNanos || _stream.IsPaused;
        _seenReceivedNanos = _stream.LastReceivedNanos;
        _silentTicks = isHeard ? 0 : _silentTicks + 1;
        if (_silentTicks * _transport.Options.PingIntervalNanos >= _transport.Options.DeadAfterNanos)
        {
            _detail = "nothing was heard from the peer";
            Close(Errno.TimedOut);
            return;
        }
        if (_silentTicks > 0) { _ = SendFrame(FrameType.Ping, default, default, 0); } // a full queue asks in its own way
        _transport.Reactor.Arm(this, nowNanos + _transport.Options.PingIntervalNanos);
    }

    private void OnGreeting(in Frame frame)
    {
        if (frame.Type is FrameType.Refused)
        {
            _detail = Printable(frame.Body);
            Close(Errno.NotPermitted); // not "refused", which means that nobody listens there
            return;
        }
        if (!HelloCodec.TryRead(frame.Body, out _peerHello))
        {
            Close(Errno.Protocol);
            return;
        }
        if (_peerHello.Version != Hello.CurrentVersion)
        {
            _detail = $"the peer speaks protocol version {_peerHello.Version}, this build {Hello.CurrentVersion}";
            Close(Errno.Protocol);
            return;
        }
        _stage = Stage.Up;
        _reader.Use = PeerUse.Of(_ownHello.Role, _peerHello.Role);
        ArmKeepAlive();
        _handler!.OnUp(this);
    }

    private void ArmKeepAlive() =>
        _transport.Reactor.Arm(this, _transport.Reactor.NowNanos + _transport.Options.PingIntervalNanos);

    private void SendHello()
    {
        Span<byte> body = stackalloc byte[HelloCodec.SizeBytes];
        HelloCodec.Write(body, in _ownHello);
        _ = SendFrame(FrameType.Hello, body, default, 0); // the first frame finds an empty queue
    }

    private Errno SendFrame(FrameType type, ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload, int payloadBytes)
    {
        Span<byte> header = stackalloc byte[FrameHeader.SizeBytes];
        FrameHeader.Write(header, type, body, payloadBytes);
        Errno status = _stream.TrySend(header, body, payload);
        if (status is Errno.None)
        {
            _transport.Counters.FramesSent++;
            _transport.Counters.BytesSent += FrameHeader.SizeBytes + body.Length + payloadBytes;
        }
        return status;
    }

    /// <summary>Text from outside, for a log line.</summary>
    private static string Printable(ReadOnlySpan<byte> text)
    {
        char[] characters = Encoding.UTF8.GetString(text).ToCharArray();
        for (int i = 0; i < characters.Length; i++)
        {
            if (char.IsControl(characters[i])) { characters[i] = '?'; }
        }
        return new string(characters);
    }
}

using System;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>One stream socket (TCP or unix) on a reactor's ring, without any framing. Receives into a staging buffer of its
/// own, or straight into a pooled buffer; sends everything queued in one iteration with one call.
/// <para>The end: whatever goes wrong, on either side, calls <see cref="Close"/>, which works once. It shuts the socket
/// down and cancels what is in flight; the handler hears of it in the next run phase; descriptor and memory are given back
/// when the kernel has completed the last request that points to them.</para>
/// TcpStream.Receive.cs and TcpStream.Send.cs hold the two directions.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Free disposes of them, when the kernel is done with them.")]
internal sealed unsafe partial class TcpStream : IRunnable
{
    private enum State : byte { Connecting, Open, Closing, Closed }

    private readonly TcpStreams _streams;
    private readonly IStreamHandler _handler;
    private readonly ConnectOperation _connect;
    private readonly CancelOperation _cancel;
    private State _state;
    private int _fd;
    private Errno _reason;
    private bool _closeReported;
    private bool _isEnqueued;
    private bool _closesWhenSent;

    internal TcpStream(TcpStreams streams, int fd, IStreamHandler handler, bool isConnected)
    {
        _streams = streams;
        _fd = fd;
        _handler = handler;
        _state = isConnected ? State.Open : State.Connecting;
        _connect = new ConnectOperation(this);
        _cancel = new CancelOperation(this);
        _receive = new ReceiveOperation(this);
        _send = new SendOperation(this);
        _staging = streams.RentStaging();
        LastReceivedNanos = streams.Reactor.NowNanos;
    }

    public bool IsOpen => _state is State.Open;

    /// <summary>Place in the owner's list of all streams.</summary>
    internal int Index { get; set; }

    /// <summary>Ends the stream; idempotent. OnClosed follows in the next run phase.</summary>
    public void Close(Errno reason)
    {
        if (_state is State.Closing or State.Closed) { return; }
        _state = State.Closing;
        _reason = reason;
        if (_fd >= 0)
        {
            // The shutdown ends pending receives and sends; a pending connect needs the cancellation.
            _ = Libc.shutdown(_fd, Libc.SHUT_RDWR);
            if (HasRequestsInFlight) { _cancel.Start(); }
        }
        EnqueueSelf();
    }

    /// <summary>Ends the stream after everything queued has been sent and the peer has closed its side, or at the next
    /// Close. Received bytes are thrown away from now on. The caller guards it with a timer.</summary>
    public void CloseWhenSent(Errno reason)
    {
        if (_state is not State.Open || _closesWhenSent) { return; }
        _closesWhenSent = true;
        _reason = reason;
        if (QueuedBytes == 0) { OnAllSent(); }
    }

    /// <summary>Gives the socket away, from within OnReceived before anything was sent: this stream ends without OnClosed.</summary>
    /// <returns>The descriptor, the caller's now.</returns>
    public int Detach()
    {
        Invariant.Require(_state is State.Open && !HasRequestsInFlight);
        Invariant.Require(QueuedBytes == 0);
        int fd = _fd;
        _fd = -1;
        _state = State.Closing;
        _closeReported = true;
        EnqueueSelf();
        return fd;
    }

    internal void StartConnect(in SocketAddress address, uint addressBytes) => _connect.Start(in address, addressBytes);

    /// <summary>Begins to receive, for a stream that is connected.</summary>
    internal void StartReceiving()
    {
        if (IsOpen) { ProcessInput(); }
    }

    /// <summary>Adds bytes that were received elsewhere, before the first receive.</summary>
    internal void Preload(ReadOnlySpan<byte> bytes)
    {
        Invariant.Require(bytes.Length <= _streams.Options.StagingBytes);
        bytes.CopyTo(new Span<byte>(_staging, bytes.Length));
        _stagedBytes = bytes.Length;
    }

    /// <summary>The ring is gone: nothing is in flight any more, free everything.</summary>
    internal void Abandon()
    {
        _state = State.Closing;
        Free();
    }

    void IRunnable.Run()
    {
        _isEnqueued = false;
        if (_state is State.Open)
        {
            ProcessInput(); // resumed
            return;
        }
        if (!_closeReported)
        {
            _closeReported = true;
            _handler.OnClosed(this, _reason);
        }
        FreeWhenIdle();
    }

    private bool HasRequestsInFlight =>
        _connect.IsInFlight || _cancel.IsInFlight || _receive.IsInFlight || _send.IsInFlight;

    private void EnqueueSelf()
    {
        if (_isEnqueued) { return; }
        _isEnqueued = true;
        _streams.Reactor.Enqueue(this);
    }

    private void OnConnectCompleted(int result)
    {
        if (_state is not State.Connecting)
        {
            FreeWhenIdle();
            return;
        }
        if (result < 0)
        {
            Close((Errno)(-result));
            return;
        }
        _state = State.Open;
        LastReceivedNanos = _streams.Reactor.NowNanos;
        _handler.OnConnected(this);
        StartReceiving();
    }

    private void FreeWhenIdle()
    {
        if (_state is State.Closing && _closeReported && !HasRequestsInFlight) { Free(); }
    }

    private void Free()
    {
        if (_state is State.Closed) { return; }
        _state = State.Closed;
        if (_fd >= 0) { _ = Libc.close(_fd); }
        _fd = -1;
        _streams.ReturnStaging(_staging);
        _staging = null;
        _into?.Release();
        _into = null;
        _gathering.Dispose();
        _sending.Dispose();
        _connect.Dispose();
        _send.Dispose();
        _receive.Dispose();
        _streams.Remove(this);
    }
}

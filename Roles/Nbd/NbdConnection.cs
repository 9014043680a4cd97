using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;

namespace Fastblock.Roles.Nbd;

/// <summary>One client of an NBD server. The data of a write goes from the socket into the buffer that travels to the OSDs,
/// the data of a read leaves from the buffer it came in from them. Many commands are under way at once and are answered in
/// the order in which they end.
/// <para>Back-pressure: with too many requests, too much unsent, no budget or no buffer, the stream is paused; whatever ends
/// one of these (<see cref="Unblock"/>) resumes it. The end: whatever is wrong with the stream, I/Os under way end first,
/// then the connection is let go. A client that only ends its side gets all its answers before.</para></summary>
internal sealed partial class NbdConnection : TimerEntry, IByteStreamHandler, IImageIoListener
{
    private readonly INbdServer _server;
    private readonly NbdHandshake _handshake;
    private readonly Stack<NbdRequest> _freeRequests = new();
    private readonly Stack<ImageIo> _freeIos = new();
    private IByteStream _stream = null!;
    private NbdPhase _phase = NbdPhase.Handshake;
    private bool _isBlocked;
    private bool _isWaitingForBudget;
    private bool _isStopping;
    private bool _isClosing;
    private bool _isStreamClosed;
    private bool _hasEnded;
    private int _requestsInFlight;
    private long _grantedBytes;
    private long _unsentBytes;
    private long _farewellEnds;
    private long _heldBytes; // all that is taken from the budget, the two above included

    public NbdConnection(INbdServer server)
    {
        _server = server;
        _handshake = new NbdHandshake(server.Export);
    }

    /// <summary>Place in the server's list.</summary>
    public int Index { get; set; }

    /// <summary>Greets. The stream calls this object from now on.</summary>
    public void Start(IByteStream stream)
    {
        _stream = stream;
        _server.Stats.Connections++;
        _handshake.Greet();
        SendHandshake();
        _server.Reactor.Arm(this, _server.Reactor.NowNanos + NbdLimits.HandshakeNanos);
    }

    /// <summary>No I/O of it is under way. Once it is being stopped, none begins any more.</summary>
    public bool IsQuiet => _requestsInFlight == 0;

    /// <summary>The server stops. What is under way is still answered, but a read that waits for the client to take the
    /// beginning of its answer is not: it could wait for ever. Nor is a client waited for that does not go.</summary>
    public void Stop()
    {
        _isStopping = true;
        BeginEnding();
        FailPausedReads();
        if (_isClosing && !_isStreamClosed) { ArmFarewell(); }
        EndIfIdle();
    }

    /// <summary>The client has said its last, and waits for its answers: all of them.</summary>
    private void Drain()
    {
        BeginEnding();
        EndIfIdle();
    }

    private void BeginEnding()
    {
        _phase = NbdPhase.Ending;
        if (!_isClosing) { _server.Reactor.Disarm(this); } // armed for a buffer, it would cut the farewell short
        DropPartialWrite();
    }

    /// <summary>Budget that was asked for is ours now.</summary>
    public void OnBudgetGranted(long bytes)
    {
        _isWaitingForBudget = false;
        if (_phase == NbdPhase.Ending)
        {
            _server.Budget.Give(bytes);
            return;
        }
        _grantedBytes += bytes;
        _heldBytes += bytes;
        Unblock();
    }

    /// <summary>Called at the end of every iteration of the loop: what was sent meanwhile no longer counts.</summary>
    public void OnIterationEnd()
    {
        if (_unsentBytes > 0)
        {
            long give = _unsentBytes - Math.Min(_unsentBytes, _isStreamClosed ? 0 : _stream.QueuedBytes);
            _unsentBytes -= give;
            GiveBudget(give);
        }
        if (_isStreamClosed) { return; }
        for (int n = _pausedReads.Count; n > 0; n--) { StartReads(_pausedReads.PopFront()); }
        if (_isBlocked && _phase == NbdPhase.Command && CanTakeCommand) { Unblock(); }
    }

    /// <summary>The handshake or the farewell took too long, or a buffer may be free now.</summary>
    public override void OnTimer(long nowNanos)
    {
        switch (_phase)
        {
            case NbdPhase.Handshake:
                Abort();
                break;
            case NbdPhase.Ending:
                if (_isStreamClosed) { break; }
                if (_isStopping && _stream.QueuedBytes > 0 && nowNanos < _farewellEnds)
                {
                    _server.Reactor.Arm(this, nowNanos + NbdLimits.StopIdleNanos);
                    break;
                }
                _stream.Abort();
                break;
            default:
                Unblock();
                break;
        }
    }

    int IByteStreamHandler.OnReceived(ReadOnlySpan<byte> bytes)
    {
        int consumed = 0;
        bool canGoOn = true;
        while (canGoOn)
        {
            ReadOnlySpan<byte> rest = bytes[consumed..];
            canGoOn = _phase switch
            {
                NbdPhase.Handshake => TryHandshake(rest, ref consumed),
                NbdPhase.Command => TryCommand(rest, ref consumed),
                NbdPhase.Data => TryBeginPiece(),
                NbdPhase.Skip => TrySkip(rest, ref consumed),
                _ => false,
            };
        }
        return _phase == NbdPhase.Ending ? bytes.Length : consumed;
    }

    void IByteStreamHandler.OnFilled()
    {
        if (_write is null) { return; } // stopped in the middle of it
        EndPiece();
        if (_phase == NbdPhase.Data) { _ = TryBeginPiece(); }
    }

    void IByteStreamHandler.OnInputEnded() => Drain();

    void IByteStreamHandler.OnClosed()
    {
        _isStreamClosed = true;
        _phase = NbdPhase.Ending;
        DropPartialWrite();
        FailPausedReads();
        EndIfIdle();
    }

    /// <summary>Ends the connection without answers: the client broke the protocol.</summary>
    private void Abort()
    {
        _server.Stats.ProtocolErrors++;
        _phase = NbdPhase.Ending;
        _stream.Abort();
    }

    private bool CanTakeCommand => _requestsInFlight < NbdLimits.MaxRequests && _heldBytes <= NbdLimits.MaxConnectionBytes
        && _stream.QueuedBytes <= NbdLimits.MaxQueuedBytes;

    private void Block()
    {
        _isBlocked = true;
        _stream.Pause();
    }

    private void Unblock()
    {
        if (!_isBlocked || _isWaitingForBudget || _isStreamClosed) { return; }
        _isBlocked = false;
        _stream.Resume();
    }

    /// <summary>Makes sure of budget; else blocks until it is granted.</summary>
    private bool TryTakeBudget(long bytes)
    {
        if (_grantedBytes > 0)
        {
            Invariant.Require(_grantedBytes == bytes); // the same wish, looked at again
            _grantedBytes = 0;
            return true;
        }
        if (!_server.Budget.TryTake(this, bytes))
        {
            _isWaitingForBudget = true;
            Block();
            return false;
        }
        _heldBytes += bytes;
        return true;
    }

    private void GiveBudget(long bytes)
    {
        if (bytes == 0) { return; }
        _heldBytes -= bytes;
        Invariant.Require(_heldBytes >= 0);
        _server.Budget.Give(bytes);
    }

    private bool TryHandshake(ReadOnlySpan<byte> input, ref int consumed)
    {
        HandshakeStep step = _handshake.Process(input, out int used);
        consumed += used;
        SendHandshake();
        switch (step)
        {
            case HandshakeStep.More:
                return false;
            case HandshakeStep.Transmission:
                _server.Reactor.Disarm(this);
                _phase = NbdPhase.Command;
                return true;
            case HandshakeStep.Bye:
                Drain();
                return false;
            default:
                Abort();
                return false;
        }
    }

    private void SendHandshake()
    {
        if (!_handshake.Output.IsEmpty) { _stream.Send(_handshake.Output, default); }
        _handshake.ClearOutput();
    }

    private bool TrySkip(ReadOnlySpan<byte> input, ref int consumed)
    {
        int skip = (int)Math.Min(_dataLeft, input.Length);
        consumed += skip;
        _dataLeft -= skip;
        if (_dataLeft > 0) { return false; }
        _phase = NbdPhase.Command;
        return true;
    }

    /// <summary>The last step: nothing is under way, so nothing refers to this connection any more.</summary>
    private void EndIfIdle()
    {
        if (_phase != NbdPhase.Ending || _requestsInFlight > 0 || _hasEnded) { return; }
        if (!_isStreamClosed)
        {
            if (_isClosing) { return; }
            _isClosing = true;
            _stream.CloseWhenSent();
            ArmFarewell();
            return;
        }
        _hasEnded = true;
        _server.Reactor.Disarm(this);
        GiveBudget(_unsentBytes + _grantedBytes);
        _unsentBytes = 0;
        _grantedBytes = 0;
        Invariant.Require(_heldBytes == 0);
        _server.OnConnectionEnded(this);
    }

    private void ArmFarewell()
    {
        long now = _server.Reactor.NowNanos;
        _farewellEnds = now + (_isStopping ? NbdLimits.StopFarewellNanos : NbdLimits.FarewellNanos);
        _server.Reactor.Arm(this, _isStopping ? now + NbdLimits.StopIdleNanos : _farewellEnds);
    }
}

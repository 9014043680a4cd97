using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport.Tcp;

/// <content>The receiving side: at most one receive is in flight, and never while bytes are being processed, so that nothing
/// moves under the handler.</content>
internal sealed unsafe partial class TcpStream
{
    private readonly ReceiveOperation _receive;
    private byte* _staging;
    private int _stagedFrom;   // first byte that is not consumed
    private int _stagedBytes;
    private PooledBuffer? _into;
    private int _intoOffset, _intoLeft;
    private bool _isProcessing;
    private bool _inputEnded, _inputEndTold;
    private bool _wantsMore;
    private bool _isDrained;

    /// <summary>When bytes last came in, in the reactor's clock.</summary>
    public long LastReceivedNanos { get; private set; }

    public bool IsPaused { get; private set; }

    /// <summary>The next bytes that are not consumed go to <paramref name="buffer"/>, then OnFilled comes. From within
    /// OnReceived or OnFilled. The stream keeps its own reference meanwhile.</summary>
    public void ReceiveInto(PooledBuffer buffer, int offset, int length)
    {
        Invariant.Require(_into is null && length > 0);
        Invariant.Require(offset >= 0 && length <= buffer.Capacity - offset);
        buffer.Retain();
        _into = buffer;
        _intoOffset = offset;
        _intoLeft = length;
    }

    /// <summary>Stops receiving, which in the end stops the sender: back-pressure.</summary>
    public void Pause() => IsPaused = true;

    /// <summary>Goes on, in the next run phase, also with what was left unconsumed.</summary>
    public void Resume()
    {
        if (!IsPaused) { return; }
        IsPaused = false;
        EnqueueSelf();
    }

    private void OnReceiveCompleted(int result)
    {
        if (_state is not State.Open)
        {
            FreeWhenIdle();
            return;
        }
        if (result is -(int)Errno.Again or -(int)Errno.Interrupted)
        {
            _receive.Start();
            return;
        }
        if (result == 0 && !_closesWhenSent && _handler.OutlivesInput)
        {
            _inputEnded = true;
            ProcessInput();
            return;
        }
        if (result <= 0)
        {
            Close(_closesWhenSent ? _reason : result == 0 ? Errno.ShutDown : (Errno)(-result));
            return;
        }
        LastReceivedNanos = _streams.Reactor.NowNanos;
        _isDrained = result < _receive.Bytes;
        if (_receive.DirectBytes > 0)
        {
            int direct = Math.Min(result, _receive.DirectBytes);
            _intoOffset += direct;
            _intoLeft -= direct;
            _stagedBytes += result - direct;
        }
        else
        {
            _stagedBytes += result;
        }
        ProcessInput();
    }

    /// <summary>Feeds the handler until it wants more than is there, then receives more.</summary>
    private void ProcessInput()
    {
        if (_isProcessing || _receive.IsInFlight) { return; }
        _isProcessing = true;
        bool goesOn = true;
        while (goesOn && IsOpen && !IsPaused) { goesOn = _into is not null ? FillBuffer() : FeedHandler(); }
        _isProcessing = false;
        if (!IsOpen || IsPaused) { return; }
        if (_inputEnded)
        {
            TellInputEnd();
            return;
        }
        MakeRoom();
        if (_stagedBytes == _streams.Options.StagingBytes)
        {
            Close(Errno.Protocol); // the handler waits for more than can ever be there at once
            return;
        }
        if (_wantsMore) { return; }
        _wantsMore = true;
        _streams.AddReceiver(this);
    }

    /// <summary>The batch point, behind the sends: those have somebody waiting for them.</summary>
    internal void StartReceive()
    {
        _wantsMore = false;
        if (IsOpen && !IsPaused && !_receive.IsInFlight) { _receive.Start(); }
    }

    private void TellInputEnd()
    {
        if (_inputEndTold) { return; }
        _inputEndTold = true;
        _handler.OnInputEnded(this);
    }

    private bool FillBuffer()
    {
        int take = Math.Min(_stagedBytes, _intoLeft);
        if (take > 0)
        {
            NativeMemory.Copy(_staging + _stagedFrom, _into!.Pointer + _intoOffset, (nuint)take);
            Consume(take);
            _intoOffset += take;
            _intoLeft -= take;
        }
        if (_intoLeft > 0) { return false; }
        PooledBuffer filled = _into!;
        _into = null;
        _handler.OnFilled(this);
        filled.Release();
        return true;
    }

    private bool FeedHandler()
    {
        if (_closesWhenSent) { Consume(_stagedBytes); }
        if (_stagedBytes == 0) { return false; }
        int consumed = _handler.OnReceived(this, new ReadOnlySpan<byte>(_staging + _stagedFrom, _stagedBytes));
        Invariant.Require(consumed >= 0 && consumed <= _stagedBytes);
        Consume(consumed);
        return consumed > 0 || _into is not null;
    }

    private void Consume(int bytes)
    {
        _stagedFrom += bytes;
        _stagedBytes -= bytes;
        if (_stagedBytes == 0) { _stagedFrom = 0; }
    }

    /// <summary>Moves the rest of an incomplete message to the front when little room is left behind it.</summary>
    private void MakeRoom()
    {
        int roomBehind = _streams.Options.StagingBytes - _stagedFrom - _stagedBytes;
        if (_stagedFrom == 0 || roomBehind >= _streams.Options.StagingBytes / 2) { return; }
        Buffer.MemoryCopy(_staging + _stagedFrom, _staging, _streams.Options.StagingBytes, _stagedBytes);
        _stagedFrom = 0;
    }

    /// <summary>recv into the staging buffer, or recvmsg with the payload's buffer first and the staging buffer behind it.</summary>
    private sealed class ReceiveOperation(TcpStream stream) : UringOperation, IDisposable
    {
        private MessageHeader* _header; // and two vectors behind it; made on the first direct receive

        /// <summary>How many of the bytes asked for go straight to the payload's buffer.</summary>
        public int DirectBytes { get; private set; }

        /// <summary>How many bytes there is room for.</summary>
        public int Bytes { get; private set; }

        public void Start()
        {
            byte* free = stream._staging + stream._stagedFrom + stream._stagedBytes;
            int room = stream._streams.Options.StagingBytes - stream._stagedFrom - stream._stagedBytes;
            UringSqe* sqe = stream._streams.Source.Begin(this);
            sqe->Fd = stream._fd;
            bool isDirect = stream._into is not null && stream._intoLeft >= stream._streams.Options.DirectReceiveBytes;
            DirectBytes = isDirect ? stream._intoLeft : 0;
            Bytes = DirectBytes + room;
            // The last receive got all there was: a look before waiting would only find nothing again.
            if (stream._isDrained) { sqe->IoPriority = UringSyscalls.RECVSEND_POLL_FIRST; }
            if (!isDirect)
            {
                sqe->Opcode = UringOp.Recv;
                sqe->Address = (ulong)free;
                sqe->Length = (uint)room;
                return;
            }
            if (_header is null)
            {
                _header = (MessageHeader*)NativeMemory.Alloc((nuint)(sizeof(MessageHeader) + 2 * sizeof(IoVector)));
            }
            IoVector* vectors = (IoVector*)(_header + 1);
            vectors[0] = new IoVector
            {
                Base = stream._into!.Pointer + stream._intoOffset,
                Length = (nuint)stream._intoLeft,
            };
            vectors[1] = new IoVector { Base = free, Length = (nuint)room };
            *_header = default;
            _header->Vectors = vectors;
            _header->VectorCount = 2;
            sqe->Opcode = UringOp.RecvMsg;
            sqe->Address = (ulong)_header;
            sqe->Length = 1;
        }

        protected internal override void OnCompletion(int result) => stream.OnReceiveCompleted(result);

        public void Dispose()
        {
            NativeMemory.Free(_header);
            _header = null;
        }
    }
}

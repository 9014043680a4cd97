using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport.Tcp;

/// <content>The sending side: one batch gathers, one is with the kernel; they change places when the kernel is done, at an
/// iteration's end. A connect and a cancellation are here too, as they are requests that send nothing.</content>
internal sealed unsafe partial class TcpStream
{
    private readonly SendOperation _send;
    private SendBatch _gathering = new();
    private SendBatch _sending = new();
    private bool _isDirty;

    /// <summary>Bytes accepted and not yet taken by the kernel.</summary>
    public int QueuedBytes => _gathering.Bytes + _sending.Bytes;

    /// <summary>Queues a copy of <paramref name="bytes"/>.</summary>
    /// <returns>None; Again = the queue is full; NotConnected.</returns>
    public Errno TrySend(ReadOnlySpan<byte> bytes) => TrySend(bytes, default, default);

    /// <summary>Queues a piece of a buffer, which is retained until sent and must not change until then.</summary>
    /// <inheritdoc cref="TrySend(ReadOnlySpan{byte})"/>
    public Errno TrySend(PayloadPart part) => TrySend(default, default, new ReadOnlySpan<PayloadPart>(in part));

    /// <summary>Queues two runs of bytes (copied) and parts of buffers (retained): all or nothing.</summary>
    /// <inheritdoc cref="TrySend(ReadOnlySpan{byte})"/>
    public Errno TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<PayloadPart> parts)
    {
        if (_state is not State.Open || _closesWhenSent) { return Errno.NotConnected; }
        long bytes = (long)first.Length + second.Length;
        foreach (ref readonly PayloadPart part in parts) { bytes += part.Length; }
        int queued = QueuedBytes;
        if (queued > 0 && queued + bytes > _streams.Options.MaxQueuedBytes) { return Errno.Again; }
        _gathering.Add(first);
        _gathering.Add(second);
        foreach (ref readonly PayloadPart part in parts) { _gathering.Add(in part); }
        MarkDirty();
        return Errno.None;
    }

    /// <summary>The batch point.</summary>
    internal void StartSend()
    {
        _isDirty = false;
        if (_state is not State.Open || _send.IsInFlight || _gathering.IsEmpty) { return; }
        (_gathering, _sending) = (_sending, _gathering);
        _send.Start();
    }

    private void MarkDirty()
    {
        // A send in flight looks for more itself when it is done.
        if (_isDirty || _send.IsInFlight) { return; }
        _isDirty = true;
        _streams.AddDirty(this);
    }

    private void OnSendCompleted(int result)
    {
        if (_state is not State.Open)
        {
            FreeWhenIdle();
            return;
        }
        if (result is -(int)Errno.Again or -(int)Errno.Interrupted)
        {
            _send.Start();
            return;
        }
        if (result < 0)
        {
            Close((Errno)(-result));
            return;
        }
        _sending.Advance(result);
        if (!_sending.IsEmpty)
        {
            _send.Start();
        }
        else if (!_gathering.IsEmpty)
        {
            MarkDirty();
        }
        else if (_closesWhenSent)
        {
            OnAllSent();
        }
    }

    /// <summary>The peer reads what we sent, then our end, then closes: if we closed first, bytes of its that we have not read
    /// would make the kernel send a reset, which may overtake ours.</summary>
    private void OnAllSent()
    {
        if (_inputEnded)
        {
            Close(_reason); // it has done so already
            return;
        }
        _ = Libc.shutdown(_fd, Libc.SHUT_WR);
        if (IsPaused) { Resume(); }
    }

    private sealed class SendOperation(TcpStream stream) : UringOperation, IDisposable
    {
        private MessageHeader* _header = (MessageHeader*)NativeMemory.Alloc((nuint)sizeof(MessageHeader));

        public void Start()
        {
            stream._sending.Describe(_header);
            UringSqe* sqe = stream._streams.Source.Begin(this);
            sqe->Opcode = UringOp.SendMsg;
            sqe->Fd = stream._fd;
            sqe->Address = (ulong)_header;
            sqe->Length = 1;
            sqe->OpFlags = Libc.MSG_NOSIGNAL | Libc.MSG_WAITALL; // the kernel goes on by itself after a partial send
        }

        protected internal override void OnCompletion(int result) => stream.OnSendCompleted(result);

        public void Dispose()
        {
            NativeMemory.Free(_header);
            _header = null;
        }
    }

    private sealed class ConnectOperation(TcpStream stream) : UringOperation, IDisposable
    {
        private SocketAddress* _address; // the kernel reads it at submission

        public void Start(in SocketAddress address, uint addressBytes)
        {
            _address = (SocketAddress*)NativeMemory.Alloc(SocketAddress.MaxBytes);
            *_address = address;
            UringSqe* sqe = stream._streams.Source.Begin(this);
            sqe->Opcode = UringOp.Connect;
            sqe->Fd = stream._fd;
            sqe->Address = (ulong)_address;
            sqe->Offset = addressBytes;
        }

        protected internal override void OnCompletion(int result) => stream.OnConnectCompleted(result);

        public void Dispose()
        {
            NativeMemory.Free(_address);
            _address = null;
        }
    }

    /// <summary>Cancels everything on the socket.</summary>
    private sealed class CancelOperation(TcpStream stream) : UringOperation
    {
        public void Start()
        {
            UringSqe* sqe = stream._streams.Source.Begin(this);
            sqe->Opcode = UringOp.AsyncCancel;
            sqe->Fd = stream._fd;
            sqe->OpFlags = UringSyscalls.ASYNC_CANCEL_ALL | UringSyscalls.ASYNC_CANCEL_FD;
        }

        protected internal override void OnCompletion(int result) => stream.FreeWhenIdle();
    }
}

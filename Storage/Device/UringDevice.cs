using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Device;

/// <summary>A file or block device through the reactor's io_uring. Each reactor makes its own on the shared
/// <see cref="UringFile"/>. A request beyond the queue depth waits here; short transfers are resumed.</summary>
internal sealed unsafe class UringDevice : IBlockDevice
{
    /// <summary>Requests in flight at most. NVMe queues hold about as many; deeper queues only add latency.</summary>
    public const int DefaultQueueDepth = 256;

    private readonly UringFile _file;
    private readonly UringEventSource _source;
    private readonly CompletionQueue _refused;
    private readonly RingQueue<IoRequest> _waiting = new();
    private readonly int _queueDepth;
    private readonly int _submitAtOnceBelow;
    private Transfer? _free;
    private bool _discardWorks = true;

    /// <param name="reactor">One whose event source is an io_uring.</param>
    /// <param name="queueDepth">More requests than this wait in a queue of ours.</param>
    /// <param name="submitAtOnceBelow">With fewer requests than this in flight, one more goes to the kernel at once and does
    /// not wait for the end of the iteration: costs a system call, gains latency on an idle device.</param>
    public UringDevice(
        Reactor reactor, UringFile file, int queueDepth = DefaultQueueDepth, int submitAtOnceBelow = 0)
    {
        Invariant.Require(reactor.Source is UringEventSource);
        Invariant.Require(queueDepth > 0);
        _file = file;
        _source = (UringEventSource)reactor.Source;
        _refused = new CompletionQueue(reactor);
        _queueDepth = queueDepth;
        _submitAtOnceBelow = submitAtOnceBelow;
    }

    public long SizeBytes => _file.SizeBytes;

    /// <summary>Requests at the kernel.</summary>
    public int InFlight { get; private set; }

    /// <summary>Requests that wait for one of those to end.</summary>
    public int Waiting => _waiting.Count;

    public void Submit(IoRequest request)
    {
        Errno status = RequestBounds.Check(request, SizeBytes);
        if (status is not Errno.None)
        {
            _refused.Add(request, status);
        }
        else if (request.Kind is IoKind.Discard && !_discardWorks)
        {
            _refused.Add(request, Errno.None); // a discard is advice: contents are undefined either way
        }
        else if (InFlight == _queueDepth)
        {
            _waiting.PushBack(request);
        }
        else
        {
            Start(request);
            if (InFlight <= _submitAtOnceBelow) { _source.SubmitNow(); }
        }
    }

    private void Start(IoRequest request)
    {
        Transfer transfer = _free ?? new Transfer(this);
        _free = transfer.NextFree;
        InFlight++;
        transfer.Begin(request);
    }

    private void Finish(Transfer transfer, IoRequest request, Errno status)
    {
        transfer.NextFree = _free;
        _free = transfer;
        InFlight--;
        if (request.Kind is IoKind.Discard && status is Errno.NotSupported or Errno.Invalid)
        {
            _discardWorks = false;
            status = Errno.None;
        }
        if (InFlight < _queueDepth && _waiting.TryPopFront(out IoRequest? next)) { Start(next); }
        request.Complete(status);
    }

    /// <summary>One request at the kernel, until all its bytes are moved.</summary>
    private sealed class Transfer(UringDevice device) : UringOperation
    {
        private IoRequest _request = null!;
        private long _doneBytes;
        private IoVector* _rest; // what is left of the segments after a short transfer; else null

        public Transfer? NextFree { get; set; }

        public void Begin(IoRequest request)
        {
            NextFree = null;
            _request = request;
            _doneBytes = 0;
            Queue();
        }

        protected internal override void OnCompletion(int result)
        {
            IoRequest request = _request;
            if (result is -(int)Errno.Again or -(int)Errno.Interrupted)
            {
                Queue();
                return;
            }
            bool moves = request.Kind is IoKind.Read or IoKind.Write;
            if (result > 0 && moves)
            {
                _doneBytes += result;
                if (_doneBytes < request.LengthBytes)
                {
                    Queue();
                    return;
                }
            }
            Errno status = result < 0 ? (Errno)(-result) : Errno.None;
            // Nothing moved: the file was cut shorter than when it was opened.
            if (moves && result == 0) { status = Errno.Io; }
            NativeMemory.Free(_rest);
            _rest = null;
            _request = null!;
            device.Finish(this, request, status);
        }

        private void Queue()
        {
            UringSqe* sqe = device._source.Begin(this);
            sqe->Fd = device._file.Fd;
            switch (_request.Kind)
            {
                case IoKind.Flush:
                    sqe->Opcode = UringOp.Fsync;
                    sqe->OpFlags = UringSyscalls.FSYNC_DATASYNC;
                    break;
                case IoKind.Discard:
                    sqe->Opcode = UringOp.Fallocate;
                    sqe->Offset = (ulong)_request.OffsetBytes;
                    sqe->Address = (ulong)_request.LengthBytes;
                    sqe->Length = Libc.FALLOC_FL_PUNCH_HOLE | Libc.FALLOC_FL_KEEP_SIZE;
                    break;
                default:
                    FillTransfer(sqe);
                    break;
            }
        }

        private void FillTransfer(UringSqe* sqe)
        {
            bool isRead = _request.Kind is IoKind.Read;
            sqe->Offset = (ulong)(_request.OffsetBytes + _doneBytes);
            if (_request.Durable) { sqe->OpFlags = Libc.RWF_DSYNC; }
            if (_request.SegmentCount == 1)
            {
                bool isRegistered = _request.RegisteredIndex >= 0;
                sqe->Opcode = (isRead, isRegistered) switch
                {
                    (true, true) => UringOp.ReadFixed,
                    (true, false) => UringOp.Read,
                    (false, true) => UringOp.WriteFixed,
                    (false, false) => UringOp.Write,
                };
                sqe->Address = (ulong)(_request.Segments[0].Base + _doneBytes);
                sqe->Length = (uint)(_request.LengthBytes - _doneBytes);
                if (isRegistered) { sqe->BufferIndex = (ushort)_request.RegisteredIndex; }
                return;
            }
            sqe->Opcode = isRead ? UringOp.Readv : UringOp.Writev;
            int count = _request.SegmentCount;
            IoVector* vectors = _doneBytes == 0 ? (IoVector*)_request.Segments : RestOfSegments(out count);
            sqe->Address = (ulong)vectors;
            sqe->Length = (uint)count;
        }

        /// <summary>A copy of the segments without the bytes that are done; the request's own list stays as it was.</summary>
        private IoVector* RestOfSegments(out int count)
        {
            _rest = (IoVector*)NativeMemory.Realloc(_rest, (nuint)(_request.SegmentCount * sizeof(IoVector)));
            long skip = _doneBytes;
            count = 0;
            for (int i = 0; i < _request.SegmentCount; i++)
            {
                IoRequest.Segment segment = _request.Segments[i];
                long skipped = Math.Min(skip, (long)segment.Length);
                skip -= skipped;
                if (skipped == (long)segment.Length) { continue; }
                _rest[count++] = new IoVector { Base = segment.Base + skipped, Length = segment.Length - (nuint)skipped };
            }
            return _rest;
        }
    }
}

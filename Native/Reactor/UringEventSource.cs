using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.IoUring;
using Fastblock.Native.Linux;

namespace Fastblock.Native.Reactor;

/// <summary>The production event source: one io_uring per reactor for disks and sockets alike, entered once per iteration.
/// May be made on any thread; the thread of the first <see cref="Poll"/> becomes the ring's owner.
/// <para>Wake-up: a read of an eventfd is always in flight in the ring, so another thread's write ends a blocking
/// wait like any completion. The reactor calls Wake only when it sleeps.</para></summary>
internal sealed unsafe class UringEventSource : IEventSource, IDisposable
{
    private const long MaxRegisteredPieceBytes = Units.GiB; // the kernel's limit for one registered buffer

    private readonly UringRing _ring;
    private readonly IClock _clock;
    private readonly WakeRead _wakeRead;
    private readonly int _wakeFd;
    private UringOperation?[] _slots = new UringOperation?[256];
    private uint[] _generations = new uint[256];
    private readonly RingQueue<int> _freeSlots = new(256);
    private UringSqe* _backlog; // requests that found the submission queue full
    private int _backlogCapacity, _backlogHead, _backlogCount;
    private bool _closed;

    private UringEventSource(UringRing ring, IClock clock, int wakeFd)
    {
        _ring = ring;
        _clock = clock;
        _wakeFd = wakeFd;
        _wakeRead = new WakeRead(this);
        for (int i = 0; i < _slots.Length; i++) { _freeSlots.PushBack(i); }
    }

    /// <summary>Requests that the kernel, or the backlog, has.</summary>
    public int InFlight { get; private set; }

    /// <summary>True when <see cref="PooledBuffer.RegisteredIndex"/> of the pool given at creation may be used.</summary>
    public bool HasRegisteredBuffers { get; private set; }

    /// <summary>The features that this kernel granted.</summary>
    public UringSetup Features => _ring.Setup;

    /// <summary>Makes a ring, and registers the pool's memory with it when the limits allow.</summary>
    /// <param name="buffers">The reactor's pool; null = nothing to register.</param>
    /// <param name="whyNot">For the operator, when there is no ring.</param>
    public static Errno TryCreate(
        IClock clock, BufferPool? buffers, UringOptions options,
        [NotNullWhen(true)] out UringEventSource? source, out string whyNot)
    {
        source = null;
        Errno error = UringRing.TryCreate(options, out UringRing? ring, out whyNot);
        if (ring is null) { return error; }
        int wakeFd = Libc.eventfd(0, Libc.EFD_CLOEXEC);
        if (wakeFd < 0)
        {
            error = Libc.LastErrno;
            ring.Dispose();
            whyNot = "no eventfd could be opened: raise the limit on open files (ulimit -n)";
            return error;
        }
        source = new UringEventSource(ring, clock, wakeFd);
        if (buffers is not null && !options.WithoutRegisteredBuffers) { source.RegisterPool(buffers); }
        return Errno.None;
    }

    /// <summary>Starts a request: the caller fills in the returned entry, all but its user data, before anything else is
    /// started. It goes to the kernel with the next submission.</summary>
    public UringSqe* Begin(UringOperation operation)
    {
        Invariant.Require(!operation.IsInFlight);
        if (_freeSlots.IsEmpty) { GrowSlots(); }
        int slot = _freeSlots.PopFront();
        _slots[slot] = operation;
        operation.Slot = slot;
        InFlight++;
        UringSqe* sqe = NextSqe();
        sqe->UserData = (uint)slot | ((ulong)_generations[slot] << 32);
        return sqe;
    }

    /// <summary>Hands over what is queued at once, for requests that should not wait for the iteration's end.</summary>
    public void SubmitNow()
    {
        if (_ring.IsEnabled && _ring.Unsubmitted > 0) { Enter(0, 0); }
    }

    public bool Poll()
    {
        if (!_ring.IsEnabled) { Start(); }
        if (_ring.Ready == 0)
        {
            if (!_ring.HasDeferredWork) { return false; }
            Enter(0, 0);
        }
        uint ready = _ring.Ready;
        for (uint i = 0; i < ready; i++)
        {
            UringCqe cqe = _ring.Completion(0);
            _ring.Release(1); // before the handler, which may start new requests
            Dispatch(in cqe);
        }
        return ready > 0;
    }

    public void Submit()
    {
        if (_backlogCount > 0) { DrainBacklog(); }
        if (_ring.Unsubmitted > 0) { Enter(0, 0); }
    }

    public void Wait(long untilNanos)
    {
        if (_ring.Ready > 0) { return; }
        long timeout = long.MaxValue;
        if (untilNanos != long.MaxValue)
        {
            timeout = untilNanos - _clock.NowNanos;
            if (timeout <= 0) { return; }
        }
        Enter(1, timeout);
    }

    public void Wake()
    {
        ulong one = 1;
        _ = Libc.write(_wakeFd, &one, sizeof(ulong));
    }

    /// <summary>Cancels what is in flight, waits for it, and closes the ring; on the owner's thread. No handler runs.</summary>
    public void Dispose()
    {
        if (_closed) { return; }
        _closed = true;
        if (_ring.IsEnabled) { CancelAll(); }
        _ring.Dispose();
        _ = Libc.close(_wakeFd);
        NativeMemory.Free(_backlog);
        _wakeRead.Dispose();
    }

    private void Start()
    {
        Errno error = _ring.Enable();
        Invariant.Require(error is Errno.None);
        _wakeRead.Arm();
    }

    private void Enter(uint minComplete, long timeoutNanos)
    {
        Errno error = _ring.Enter(minComplete, timeoutNanos);
        // Out of memory, interrupted by a signal, or completions to be fetched first: all come right by going on. Exists
        // says that another thread owns the ring, which is a bug.
        Invariant.Require(error is not (Errno.Exists or Errno.Invalid));
    }

    private void Dispatch(in UringCqe cqe)
    {
        int slot = (int)(cqe.UserData & uint.MaxValue);
        UringOperation? operation = _slots[slot];
        Invariant.Require(operation is not null);
        Invariant.Require(_generations[slot] == (uint)(cqe.UserData >> 32));
        Invariant.Require((cqe.Flags & UringSyscalls.CQE_F_MORE) == 0); // we start no multishot requests
        _slots[slot] = null;
        _generations[slot] = unchecked(_generations[slot] + 1);
        _freeSlots.PushFront(slot); // the warmest is used next
        operation.Slot = -1;
        InFlight--;
        if (!_closed) { operation.OnCompletion(cqe.Result); }
    }

    private UringSqe* NextSqe()
    {
        if (_backlogCount == 0)
        {
            UringSqe* sqe = _ring.TryGetSqe();
            if (sqe is not null) { return sqe; }
            if (_ring.IsEnabled)
            {
                Enter(0, 0);
                sqe = _ring.TryGetSqe();
                if (sqe is not null) { return sqe; }
            }
        }
        return AddToBacklog();
    }

    private UringSqe* AddToBacklog()
    {
        if (_backlogHead + _backlogCount == _backlogCapacity)
        {
            _backlogCapacity = Math.Max(64, _backlogCapacity * 2);
            _backlog = (UringSqe*)NativeMemory.Realloc(_backlog, (nuint)_backlogCapacity * (nuint)sizeof(UringSqe));
        }
        UringSqe* sqe = _backlog + _backlogHead + _backlogCount++;
        *sqe = default;
        return sqe;
    }

    private void DrainBacklog()
    {
        while (_backlogCount > 0)
        {
            UringSqe* sqe = _ring.TryGetSqe();
            if (sqe is null)
            {
                uint before = _ring.Unsubmitted;
                Enter(0, 0);
                if (_ring.Unsubmitted == before) { return; } // the kernel takes no more for now
                continue;
            }
            *sqe = _backlog[_backlogHead++];
            _backlogCount--;
        }
        _backlogHead = 0;
    }

    private void GrowSlots()
    {
        int old = _slots.Length;
        Array.Resize(ref _slots, old * 2);
        Array.Resize(ref _generations, old * 2);
        for (int i = old; i < _slots.Length; i++) { _freeSlots.PushBack(i); }
    }

    private void RegisterPool(BufferPool buffers)
    {
        RaiseLockedMemoryLimit();
        int pieces = (int)((buffers.RegionBytes + MaxRegisteredPieceBytes - 1) / MaxRegisteredPieceBytes);
        IoVector[] vectors = new IoVector[pieces];
        for (int i = 0; i < pieces; i++)
        {
            long start = i * MaxRegisteredPieceBytes;
            vectors[i] = new IoVector
            {
                Base = buffers.Region + start,
                Length = (nuint)Math.Min(MaxRegisteredPieceBytes, buffers.RegionBytes - start),
            };
        }
        if (_ring.RegisterBuffers(vectors) is not Errno.None) { return; } // unregistered memory works too, a little slower
        buffers.OnRegistered(MaxRegisteredPieceBytes);
        HasRegisteredBuffers = true;
    }

    /// <summary>To what this process may have anyway.</summary>
    private static void RaiseLockedMemoryLimit()
    {
        if (Libc.getrlimit(Libc.RLIMIT_MEMLOCK, out ResourceLimit limit) != 0 || limit.Soft == limit.Hard) { return; }
        limit.Soft = limit.Hard;
        _ = Libc.setrlimit(Libc.RLIMIT_MEMLOCK, in limit);
    }

    private void CancelAll()
    {
        CancelEverything cancel = new();
        UringSqe* sqe = Begin(cancel);
        sqe->Opcode = UringOp.AsyncCancel;
        sqe->Fd = -1;
        sqe->OpFlags = UringSyscalls.ASYNC_CANCEL_ALL | UringSyscalls.ASYNC_CANCEL_ANY;
        long end = _clock.NowNanos + 2 * Units.NanosPerSecond; // a disk may take its time, but not for ever
        while (InFlight > 0 && _clock.NowNanos < end)
        {
            if (_backlogCount > 0) { DrainBacklog(); }
            if (_ring.Enter(1, 20 * Units.NanosPerMilli) is Errno.Exists) { return; } // not the owner: close will do
            _ = Poll();
        }
    }

    private sealed class CancelEverything : UringOperation
    {
        protected internal override void OnCompletion(int result) { }
    }

    /// <summary>The read of the eventfd that other threads write to.</summary>
    private sealed class WakeRead(UringEventSource owner) : UringOperation, IDisposable
    {
        private readonly ulong* _count = (ulong*)NativeMemory.AllocZeroed(sizeof(ulong));

        public void Arm()
        {
            UringSqe* sqe = owner.Begin(this);
            sqe->Opcode = UringOp.Read;
            sqe->Fd = owner._wakeFd;
            sqe->Address = (ulong)_count;
            sqe->Length = sizeof(ulong);
        }

        protected internal override void OnCompletion(int result) => Arm();

        public void Dispose() => NativeMemory.Free(_count);
    }
}

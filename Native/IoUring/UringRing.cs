using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;

namespace Fastblock.Native.IoUring;

/// <summary>One io_uring: the shared rings and their system calls. One thread uses it; that thread becomes the owner at
/// <see cref="Enable"/>.
/// <para>Shared memory protocol. Submission: we fill entries and publish them by writing SqTail with release; the kernel
/// consumes them only inside <c>io_uring_enter</c> (there is no SQPOLL thread), so SqHead is stable in between.
/// Completion: the kernel publishes entries by writing CqTail with release, which we read with acquire; we give places
/// back by writing CqHead with release after the entries were read.</para></summary>
internal sealed unsafe class UringRing : IDisposable
{
    private const UringSetup WantedSetup = UringSetup.CqSize | UringSetup.Disabled | UringSetup.SubmitAll
        | UringSetup.CoopTaskrun | UringSetup.TaskrunFlag | UringSetup.SingleIssuer | UringSetup.DeferTaskrun
        | UringSetup.NoSqArray;

    private readonly int _fd;
    private readonly void* _rings;
    private readonly nuint _ringsBytes;
    private readonly UringSqe* _sqes;
    private readonly nuint _sqesBytes;
    private readonly uint* _sqHead, _sqTail, _sqFlags;
    private readonly uint* _cqHead, _cqTail;
    private readonly UringCqe* _cqes;
    private readonly uint _sqMask, _sqEntries, _cqMask;
    private readonly bool _registerRing;
    private uint _tail;          // entries handed out so far; published at submission
    private uint _submitted;     // entries the kernel has taken
    private int _enterFd;        // the descriptor, or its registered place
    private uint _enterFlags;
    private bool _closed;

    private UringRing(int fd, in UringParams p, void* rings, nuint ringsBytes, UringSqe* sqes, nuint sqesBytes, bool registerRing)
    {
        _fd = fd;
        _enterFd = fd;
        _rings = rings;
        _ringsBytes = ringsBytes;
        _sqes = sqes;
        _sqesBytes = sqesBytes;
        _registerRing = registerRing;
        Setup = p.Flags;
        byte* start = (byte*)rings;
        _sqHead = (uint*)(start + p.SqHead);
        _sqTail = (uint*)(start + p.SqTail);
        _sqFlags = (uint*)(start + p.SqFlags);
        _sqMask = *(uint*)(start + p.SqRingMask);
        _sqEntries = p.SqEntries;
        _cqHead = (uint*)(start + p.CqHead);
        _cqTail = (uint*)(start + p.CqTail);
        _cqMask = *(uint*)(start + p.CqRingMask);
        _cqes = (UringCqe*)(start + p.CqCqes);
        if ((Setup & UringSetup.NoSqArray) == 0)
        {
            uint* array = (uint*)(start + p.SqArray);
            for (uint i = 0; i < _sqEntries; i++) { array[i] = i; } // entry n is always at place n
        }
    }

    /// <summary>The flags that this kernel granted.</summary>
    public UringSetup Setup { get; }

    public bool IsEnabled { get; private set; }

    /// <summary>True when completions can wait in the kernel although the shared ring looks empty.</summary>
    public bool HasDeferredWork =>
        (Setup & UringSetup.TaskrunFlag) == 0
        || (Volatile.Read(ref *_sqFlags) & (UringSyscalls.SQ_TASKRUN | UringSyscalls.SQ_CQ_OVERFLOW)) != 0;

    /// <summary>Entries filled and not yet taken by the kernel.</summary>
    public uint Unsubmitted => unchecked(_tail - _submitted);

    /// <summary>Makes a ring with as many of the wanted features as the kernel has.</summary>
    /// <param name="whyNot">For the operator, when there is none.</param>
    public static Errno TryCreate(UringOptions options, [NotNullWhen(true)] out UringRing? ring, out string whyNot)
    {
        ring = null;
        UringParams p = default;
        int fd = SetupWithFallbacks(options, ref p);
        if (fd < 0)
        {
            whyNot = Explain((Errno)(-fd));
            return (Errno)(-fd);
        }
        const uint Needed = UringSyscalls.FEAT_SINGLE_MMAP | UringSyscalls.FEAT_NODROP | UringSyscalls.FEAT_EXT_ARG;
        if ((p.Features & Needed) != Needed)
        {
            _ = Libc.close(fd);
            whyNot = "this kernel's io_uring is too old; fastblock needs Linux 6.1 or later";
            return Errno.NotSupported;
        }
        return Map(fd, in p, !options.WithoutRegisteredRing, out ring, out whyNot);
    }

    /// <summary>Makes the calling thread the ring's owner; before the first submission.</summary>
    public Errno Enable()
    {
        IsEnabled = true;
        if ((Setup & UringSetup.Disabled) != 0)
        {
            int result = UringSyscalls.Register(_fd, UringSyscalls.REGISTER_ENABLE_RINGS, null, 0);
            if (result < 0) { return UringSyscalls.ErrnoOf(result); }
        }
        if (!_registerRing) { return Errno.None; }
        // The kernel then finds the ring without taking a reference on the descriptor. A refusal costs 30 ns per call.
        UringResourceUpdate update = new() { Offset = uint.MaxValue, Data = (ulong)_fd };
        if (UringSyscalls.Register(_fd, UringSyscalls.REGISTER_RING_FDS, &update, 1) == 1)
        {
            _enterFd = (int)update.Offset;
            _enterFlags = UringSyscalls.ENTER_REGISTERED_RING;
        }
        return Errno.None;
    }

    /// <summary>Registers memory for the fixed reads and writes.</summary>
    /// <returns>NoMemory when RLIMIT_MEMLOCK does not allow it.</returns>
    public Errno RegisterBuffers(ReadOnlySpan<IoVector> buffers)
    {
        fixed (IoVector* first = buffers)
        {
            return UringSyscalls.ErrnoOf(
                UringSyscalls.Register(_fd, UringSyscalls.REGISTER_BUFFERS, first, (uint)buffers.Length));
        }
    }

    /// <summary>The next free entry, zeroed; null = full until the next <see cref="Enter"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public UringSqe* TryGetSqe()
    {
        unchecked
        {
            if (_tail - _submitted >= _sqEntries) { return null; }
            UringSqe* sqe = _sqes + (_tail++ & _sqMask);
            *sqe = default;
            return sqe;
        }
    }

    /// <summary>One visit to the kernel: submits all, fetches completions, and waits for <paramref name="minComplete"/> of
    /// them for at most <paramref name="timeoutNanos"/> (long.MaxValue = no limit).</summary>
    /// <returns>None, or TimedOut, Interrupted, Again, Busy: the caller goes on all the same.</returns>
    public Errno Enter(uint minComplete, long timeoutNanos)
    {
        Volatile.Write(ref *_sqTail, _tail);
        uint flags = UringSyscalls.ENTER_GETEVENTS | _enterFlags;
        int result;
        if (minComplete > 0 && timeoutNanos != long.MaxValue)
        {
            Timespec timeout = Timespec.FromNanos(timeoutNanos);
            UringWaitArgument argument = new() { SignalMaskBytes = 8, Timeout = (ulong)&timeout };
            result = UringSyscalls.Enter(_enterFd, Unsubmitted, minComplete, flags | UringSyscalls.ENTER_EXT_ARG,
                &argument, (nuint)sizeof(UringWaitArgument));
        }
        else
        {
            result = UringSyscalls.Enter(_enterFd, Unsubmitted, minComplete, flags, null, 0);
        }
        // The kernel moves the head for everything it took, also when the call itself ended with a timeout.
        _submitted = Volatile.Read(ref *_sqHead);
        return UringSyscalls.ErrnoOf(result);
    }

    /// <summary>Completions that can be read by <see cref="Completion"/>.</summary>
    public uint Ready => unchecked(Volatile.Read(ref *_cqTail) - *_cqHead);

    /// <summary>The completion <paramref name="index"/> places behind the oldest.</summary>
    public ref readonly UringCqe Completion(uint index) => ref _cqes[unchecked(*_cqHead + index) & _cqMask];

    /// <summary>Gives the oldest <paramref name="count"/> places back.</summary>
    public void Release(uint count) => Volatile.Write(ref *_cqHead, unchecked(*_cqHead + count));

    public void Dispose()
    {
        if (_closed) { return; }
        _closed = true;
        _ = Libc.munmap(_sqes, _sqesBytes);
        _ = Libc.munmap(_rings, _ringsBytes);
        _ = Libc.close(_fd);
    }

    private static int SetupWithFallbacks(UringOptions options, ref UringParams p)
    {
        // From the newest feature to the oldest; each step also drops what depends on it.
        ReadOnlySpan<UringSetup> dropped =
        [
            UringSetup.None,
            UringSetup.NoSqArray,
            UringSetup.NoSqArray | UringSetup.DeferTaskrun,
            UringSetup.NoSqArray | UringSetup.DeferTaskrun | UringSetup.SingleIssuer,
            UringSetup.NoSqArray | UringSetup.DeferTaskrun | UringSetup.SingleIssuer | UringSetup.CoopTaskrun
                | UringSetup.TaskrunFlag | UringSetup.SubmitAll,
        ];
        UringSetup wanted = WantedSetup & ~options.Without;
        if ((wanted & UringSetup.SingleIssuer) == 0) { wanted &= ~UringSetup.DeferTaskrun; }
        if ((wanted & (UringSetup.CoopTaskrun | UringSetup.DeferTaskrun)) == 0) { wanted &= ~UringSetup.TaskrunFlag; }
        int result = 0;
        foreach (UringSetup drop in dropped)
        {
            UringParams attempt = new() { Flags = wanted & ~drop, CqEntries = options.CqEntries };
            result = UringSyscalls.Setup(options.SqEntries, &attempt);
            p = attempt;
            if (result != -(int)Errno.Invalid) { break; }
        }
        return result;
    }

    private static Errno Map(
        int fd, in UringParams p, bool registerRing, out UringRing? ring, out string whyNot)
    {
        ring = null;
        nuint sqBytes = p.SqArray + (p.SqEntries * sizeof(uint));
        nuint cqBytes = p.CqCqes + (p.CqEntries * (nuint)sizeof(UringCqe));
        nuint ringsBytes = Math.Max(sqBytes, cqBytes);
        nuint sqesBytes = p.SqEntries * (nuint)sizeof(UringSqe);
        void* rings = Libc.mmap(null, ringsBytes, Libc.PROT_READ_WRITE, Libc.MAP_SHARED | Libc.MAP_POPULATE, fd,
            (nint)UringSyscalls.OFF_SQ_RING);
        void* sqes = rings == Libc.MAP_FAILED ? rings : Libc.mmap(null, sqesBytes, Libc.PROT_READ_WRITE,
            Libc.MAP_SHARED | Libc.MAP_POPULATE, fd, (nint)UringSyscalls.OFF_SQES);
        if (sqes == Libc.MAP_FAILED)
        {
            Errno error = Libc.LastErrno;
            if (rings != Libc.MAP_FAILED) { _ = Libc.munmap(rings, ringsBytes); }
            _ = Libc.close(fd);
            whyNot = "the memory of io_uring could not be mapped";
            return error;
        }
        ring = new UringRing(fd, in p, rings, ringsBytes, (UringSqe*)sqes, sqesBytes, registerRing);
        whyNot = "";
        return Errno.None;
    }

    private static string Explain(Errno error) => error switch
    {
        Errno.NotPermitted or Errno.AccessDenied =>
            "io_uring is forbidden here: set the sysctl kernel.io_uring_disabled to 0, and let the container's "
            + "seccomp profile allow io_uring_setup, io_uring_enter and io_uring_register",
        (Errno)38 => "io_uring is forbidden here, or this kernel was built without it: fastblock needs Linux 6.1 or "
            + "later with io_uring, and a seccomp profile that allows it",
        Errno.NoMemory => "no memory for io_uring: raise the limit on locked memory (ulimit -l, LimitMEMLOCK= in systemd)",
        _ => $"io_uring_setup failed: {error}",
    };
}

using Fastblock.Native.Base;
using Fastblock.Native.Linux;

namespace Fastblock.Native.IoUring;

/// <summary>The three system calls, without liburing. Results are the kernel's, failures are negative errno values.</summary>
internal static unsafe class UringSyscalls
{
    private const int SetupNumber = 425;
    private const int EnterNumber = 426;
    private const int RegisterNumber = 427;

    public const uint ENTER_GETEVENTS = 1;
    public const uint ENTER_EXT_ARG = 8;
    public const uint ENTER_REGISTERED_RING = 16;

    public const uint REGISTER_BUFFERS = 0;
    public const uint REGISTER_ENABLE_RINGS = 12;
    public const uint REGISTER_RING_FDS = 20;

    public const uint FEAT_SINGLE_MMAP = 1;
    public const uint FEAT_NODROP = 2;
    public const uint FEAT_EXT_ARG = 0x100;

    public const uint SQ_CQ_OVERFLOW = 2;
    public const uint SQ_TASKRUN = 4;
    public const uint CQE_F_MORE = 2;
    public const ushort RECVSEND_POLL_FIRST = 1;
    public const uint FSYNC_DATASYNC = 1;
    public const uint ASYNC_CANCEL_ALL = 1;
    public const uint ASYNC_CANCEL_FD = 2;
    public const uint ASYNC_CANCEL_ANY = 4;

    public const long OFF_SQ_RING = 0;
    public const long OFF_SQES = 0x10000000;

    public static int Setup(uint entries, UringParams* parameters) =>
        Result(Libc.syscall2(SetupNumber, (nint)entries, (nint)parameters));

    /// <summary>May block, so it is an ordinary P/Invoke: a garbage collection must not wait for it.</summary>
    public static int Enter(int fd, uint toSubmit, uint minComplete, uint flags, void* argument, nuint argumentBytes) =>
        Result(Libc.syscall6(EnterNumber, fd, (nint)toSubmit, (nint)minComplete, (nint)flags, (nint)argument,
            (nint)argumentBytes));

    public static int Register(int fd, uint opcode, void* argument, uint count) =>
        Result(Libc.syscall4(RegisterNumber, fd, (nint)opcode, (nint)argument, (nint)count));

    public static Errno ErrnoOf(int result) => result < 0 ? (Errno)(-result) : Errno.None;

    private static int Result(nint result) => result < 0 ? -(int)Libc.LastErrno : (int)result;
}

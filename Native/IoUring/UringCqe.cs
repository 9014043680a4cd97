using System.Runtime.InteropServices;

namespace Fastblock.Native.IoUring;

/// <summary>struct io_uring_cqe: the outcome of one request.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UringCqe
{
    public ulong UserData;

    /// <summary>As the system call of the same name returns, with -errno for failure.</summary>
    public int Result;

    public uint Flags;
}

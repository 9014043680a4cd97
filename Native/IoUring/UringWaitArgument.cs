using System.Runtime.InteropServices;

namespace Fastblock.Native.IoUring;

/// <summary>struct io_uring_getevents_arg: the timeout of a wait.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct UringWaitArgument
{
    [FieldOffset(0)] public ulong SignalMask;
    [FieldOffset(8)] public uint SignalMaskBytes;

    /// <summary>Address of a timespec, relative.</summary>
    [FieldOffset(16)] public ulong Timeout;
}

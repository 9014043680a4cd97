using System.Runtime.InteropServices;

namespace Fastblock.Native.IoUring;

/// <summary>struct io_uring_params with its two offset tables (io_sqring_offsets at 40, io_cqring_offsets at 80).</summary>
[StructLayout(LayoutKind.Explicit, Size = 120)]
internal struct UringParams
{
    [FieldOffset(0)] public uint SqEntries;
    [FieldOffset(4)] public uint CqEntries;
    [FieldOffset(8)] public UringSetup Flags;
    [FieldOffset(20)] public uint Features;
    [FieldOffset(24)] public uint WorkerQueueFd;
    [FieldOffset(40)] public uint SqHead;
    [FieldOffset(44)] public uint SqTail;
    [FieldOffset(48)] public uint SqRingMask;
    [FieldOffset(52)] public uint SqRingEntries;
    [FieldOffset(56)] public uint SqFlags;
    [FieldOffset(60)] public uint SqDropped;
    [FieldOffset(64)] public uint SqArray;
    [FieldOffset(80)] public uint CqHead;
    [FieldOffset(84)] public uint CqTail;
    [FieldOffset(88)] public uint CqRingMask;
    [FieldOffset(92)] public uint CqRingEntries;
    [FieldOffset(96)] public uint CqOverflow;
    [FieldOffset(100)] public uint CqCqes;
    [FieldOffset(104)] public uint CqFlags;
}

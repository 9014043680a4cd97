using System.Runtime.InteropServices;

namespace Fastblock.Native.IoUring;

/// <summary>struct io_uring_sqe (linux/io_uring.h, 6.1 and later): one request to the kernel.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct UringSqe
{
    [FieldOffset(0)] public UringOp Opcode;
    [FieldOffset(1)] public byte Flags;
    [FieldOffset(2)] public ushort IoPriority;
    [FieldOffset(4)] public int Fd;

    /// <summary>File offset; for connect the length of the address; for accept the place of the address length.</summary>
    [FieldOffset(8)] public ulong Offset;

    /// <summary>Memory; for fallocate the length.</summary>
    [FieldOffset(16)] public ulong Address;

    /// <summary>Bytes or number of vectors; for fallocate the mode.</summary>
    [FieldOffset(24)] public uint Length;

    /// <summary>rw_flags, fsync_flags, msg_flags, accept_flags or cancel_flags.</summary>
    [FieldOffset(28)] public uint OpFlags;

    [FieldOffset(32)] public ulong UserData;
    [FieldOffset(40)] public ushort BufferIndex;
    [FieldOffset(42)] public ushort Personality;
    [FieldOffset(44)] public uint FileIndex;
    [FieldOffset(48)] public ulong Address3;
    [FieldOffset(56)] public ulong Padding;
}

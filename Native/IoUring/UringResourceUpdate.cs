using System.Runtime.InteropServices;

namespace Fastblock.Native.IoUring;

/// <summary>struct io_uring_rsrc_update, here for the registration of the ring's own descriptor.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct UringResourceUpdate
{
    /// <summary>In: uint.MaxValue = any place. Out: the place.</summary>
    [FieldOffset(0)] public uint Offset;

    /// <summary>The descriptor.</summary>
    [FieldOffset(8)] public ulong Data;
}

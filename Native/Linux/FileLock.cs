using System.Runtime.InteropServices;

namespace Fastblock.Native.Linux;

/// <summary>struct flock: for open-file-description locks, which belong to one open() and not to the whole process.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct FileLock
{
    [FieldOffset(0)] public short Type;
    [FieldOffset(2)] public short Whence;
    [FieldOffset(8)] public long Start;

    /// <summary>0 = to the end, however far it moves.</summary>
    [FieldOffset(16)] public long Length;

    /// <summary>Must be 0 for F_OFD_SETLK.</summary>
    [FieldOffset(24)] public int Pid;
}

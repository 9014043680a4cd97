using System.Runtime.InteropServices;

namespace Fastblock.Native.Linux;

/// <summary>The parts that we need of struct stat on x86-64.</summary>
[StructLayout(LayoutKind.Explicit, Size = 144)]
internal struct FileStatus
{
    [FieldOffset(0)] public ulong Device;
    [FieldOffset(8)] public ulong Inode;
    [FieldOffset(24)] public uint Mode;
    [FieldOffset(48)] public long SizeBytes;

    /// <summary>Units of 512 bytes that the file really takes.</summary>
    [FieldOffset(64)] public long Sectors;

    public readonly bool IsBlockDevice => (Mode & Libc.S_IFMT) == Libc.S_IFBLK;

    public readonly bool IsRegularFile => (Mode & Libc.S_IFMT) == Libc.S_IFREG;
}

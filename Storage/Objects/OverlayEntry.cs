using System.Runtime.InteropServices;

namespace Fastblock.Storage.Objects;

/// <summary>One block whose newest contents are still in the log only. 32 bytes per block.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OverlayEntry
{
    /// <summary>Number of the object's onode.</summary>
    public uint Onode;

    /// <summary>Device offset in the log / 4096.</summary>
    public uint LogBlock;

    public uint Crc;

    /// <summary>Block within the object.</summary>
    public uint Block;

    // Two lists run through every entry: all of one object, and all of one stretch (bucket) of the log.
    public uint NextOfObject;
    public uint PrevOfObject;
    public uint NextInBucket;
    public uint PrevInBucket;
}

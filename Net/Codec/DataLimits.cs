using Fastblock.Native.Base;
using Fastblock.Net.Transport;

namespace Fastblock.Net.Codec;

/// <summary>Bounds of data messages. DataLimitsTests asserts how they relate.</summary>
internal static class DataLimits
{
    /// <summary>Blocks that one read or write may touch: a full payload.</summary>
    public const int MaxBlocks = NetLimits.MaxPayloadBytes / Units.BlockBytes;

    /// <summary>Largest object, in bytes: offsets within one are 32 bits and a block map of a whole one fits in a reply.</summary>
    public const int MaxObjectBytes = (int)(32 * Units.MiB);

    /// <summary>Largest bitmap in a BlockMap reply, in bytes: one bit per block of the largest object.</summary>
    public const int MaxMapBytes = MaxObjectBytes / Units.BlockBytes / 8;

    /// <summary>Sequences of one session and PG that may be unfinished at once: a request with sequence &gt;= lowest
    /// unfinished + this is answered Again. The replicated duplicate table has one bit for each.</summary>
    public const int SessionWindow = 1024;

    /// <summary>Blocks that [offset, offset + length) touches.</summary>
    public static int TouchedBlocks(uint offsetBytes, uint lengthBytes) => lengthBytes == 0 ? 0
        : (int)(((ulong)offsetBytes + lengthBytes + Units.BlockBytes - 1) / Units.BlockBytes - offsetBytes / Units.BlockBytes);
}

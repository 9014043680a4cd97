using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>Bounds of the log's format and memory.</summary>
internal static class LogLimits
{
    /// <summary>Largest header of an entry: it must fit beside its descriptor into a batch header of two blocks.</summary>
    public const int MaxHeaderBytes = 4096;

    /// <summary>Largest payload of an entry: one data operation.</summary>
    public const int MaxPayloadBytes = (int)(512 * Units.KiB);

    public const int MaxPayloadBlocks = MaxPayloadBytes / Units.BlockBytes;

    /// <summary>Largest atomic key-value record: a few of the largest values (32 KiB).</summary>
    public const int MaxKvRecordBytes = (int)(128 * Units.KiB);

    /// <summary>Most header blocks of a batch: the largest key-value record and its headers.</summary>
    public const int MaxBatchHeaderBlocks = (MaxKvRecordBytes / Units.BlockBytes) + 1;

    /// <summary>Most payload blocks of a batch that a reader accepts: 64 MiB, more than any writer's setting.</summary>
    public const int MaxBatchPayloadBlocks = 16384;

    /// <summary>Indexes stay far below the end of the number range, so that arithmetic on what a disk says cannot overflow.</summary>
    public const ulong EndOfIndexes = 1UL << 62;

    /// <summary>Free segments that only the cleaner may use: copying one segment may touch two others.</summary>
    public const int CleanerReserveSegments = 2;

    /// <summary>Smallest number of segments: the head, the reserve and something to clean.</summary>
    public const int MinSegments = 8;
}

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

    /// <summary>Free segments that must be left behind by metadata, and by metadata while a segment is being cleaned (what the
    /// owners commit then helps to free it). The rest is the cleaner's alone: copying one full segment can touch three.</summary>
    public const int MetadataReserveSegments = 4;

    public const int CleaningMetadataReserveSegments = 3;

    /// <summary>The same for entries; more is added for the space that packing anew may lose.</summary>
    public const int EntryReserveSegments = 5;

    /// <summary>Smallest number of segments: the head, the reserve and something to clean.</summary>
    public const int MinSegments = 8;
}

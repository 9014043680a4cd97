using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>Head of a batch: the first 128 bytes of its first block. Behind it in the same blocks follow the packed records,
/// then zeros up to the end of the block; behind these <see cref="HeaderBlocks"/> blocks the payload blocks.
/// docs/on-disk-format.md "Batch" and LogFormatTests pin the offsets.</summary>
internal readonly record struct BatchHeader
{
    /// <summary>The bytes "FSTBLOG1".</summary>
    public const ulong Magic = 0x31474F4C_42545346;

    public const ushort Version = 1;
    public const int SizeBytes = 128;

    internal const int ChecksumAt = 0;
    internal const int VersionAt = 4;
    internal const int FlagsAt = 6;
    internal const int MagicAt = 8;
    internal const int StoreAt = 16;
    internal const int ShardAt = 32;
    internal const int ChainAt = 36;
    internal const int SequenceAt = 40;
    internal const int DurableThroughAt = 48;
    internal const int GenerationAt = 56;
    internal const int OwnOffsetAt = 64;
    internal const int SegmentAt = 72;
    internal const int RecordBytesAt = 80;
    internal const int RecordsChecksumAt = 84;
    internal const int HeaderBlocksAt = 88;
    internal const int PayloadBlocksAt = 92;
    internal const int RecordCountAt = 96;
    internal const int EndAt = 100;

    /// <summary>CRC-32C of bytes [4, 128); also the chain value that the next batch carries.</summary>
    public uint Checksum { get; init; }

    /// <summary>Uuid of the device: contents of a former life are told apart by it.</summary>
    public Guid Store { get; init; }

    public int Shard { get; init; }

    /// <summary>Checksum of the header before this one.</summary>
    public uint Chain { get; init; }

    public ulong Sequence { get; init; }

    /// <summary>Newest batch that was durable when this one was handed to the device.</summary>
    public ulong DurableThrough { get; init; }

    public ulong Generation { get; init; }

    /// <summary>Where this batch begins, in bytes from the start of the log region.</summary>
    public long OwnOffset { get; init; }

    /// <summary>Number of the segment, counted on over all rounds of the ring.</summary>
    public ulong Segment { get; init; }

    /// <summary>Bytes of records behind this header.</summary>
    public int RecordBytes { get; init; }

    /// <summary>CRC-32C from byte 128 to the end of the header blocks, padding included.</summary>
    public uint RecordsChecksum { get; init; }

    public int HeaderBlocks { get; init; }
    public int PayloadBlocks { get; init; }
    public int RecordCount { get; init; }

    public int TotalBytes => (HeaderBlocks + PayloadBlocks) * Units.BlockBytes;

    /// <summary>Completes a batch whose records are in place: writes header and checksums.</summary>
    /// <returns>The header's checksum: the chain value for the next batch.</returns>
    public uint Seal(Span<byte> headerBlocks)
    {
        Span<byte> head = headerBlocks[..SizeBytes];
        head.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(head[VersionAt..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(head[MagicAt..], Magic);
        bool written = Store.TryWriteBytes(head[StoreAt..], bigEndian: true, out _);
        Invariant.Require(written);
        BinaryPrimitives.WriteInt32LittleEndian(head[ShardAt..], Shard);
        BinaryPrimitives.WriteUInt32LittleEndian(head[ChainAt..], Chain);
        BinaryPrimitives.WriteUInt64LittleEndian(head[SequenceAt..], Sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(head[DurableThroughAt..], DurableThrough);
        BinaryPrimitives.WriteUInt64LittleEndian(head[GenerationAt..], Generation);
        BinaryPrimitives.WriteInt64LittleEndian(head[OwnOffsetAt..], OwnOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(head[SegmentAt..], Segment);
        BinaryPrimitives.WriteInt32LittleEndian(head[RecordBytesAt..], RecordBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(head[RecordsChecksumAt..], Crc32C.Compute(headerBlocks[SizeBytes..]));
        BinaryPrimitives.WriteInt32LittleEndian(head[HeaderBlocksAt..], HeaderBlocks);
        BinaryPrimitives.WriteInt32LittleEndian(head[PayloadBlocksAt..], PayloadBlocks);
        BinaryPrimitives.WriteInt32LittleEndian(head[RecordCountAt..], RecordCount);
        uint checksum = Crc32C.Compute(head[VersionAt..]);
        BinaryPrimitives.WriteUInt32LittleEndian(head[ChecksumAt..], checksum);
        return checksum;
    }

    /// <summary>Reads the header alone; the records are checked by <see cref="RecordsMatch"/>.</summary>
    /// <returns>False when this is no good header of this version: nothing of it may be used then.</returns>
    public static bool TryRead(ReadOnlySpan<byte> at, out BatchHeader header)
    {
        header = default;
        if (at.Length < SizeBytes || BinaryPrimitives.ReadUInt64LittleEndian(at[MagicAt..]) != Magic) { return false; }
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(at[ChecksumAt..]);
        if (checksum != Crc32C.Compute(at[VersionAt..SizeBytes])
            || BinaryPrimitives.ReadUInt16LittleEndian(at[VersionAt..]) != Version)
        {
            return false;
        }
        header = new BatchHeader
        {
            Checksum = checksum,
            Store = new Guid(at.Slice(StoreAt, 16), bigEndian: true),
            Shard = BinaryPrimitives.ReadInt32LittleEndian(at[ShardAt..]),
            Chain = BinaryPrimitives.ReadUInt32LittleEndian(at[ChainAt..]),
            Sequence = BinaryPrimitives.ReadUInt64LittleEndian(at[SequenceAt..]),
            DurableThrough = BinaryPrimitives.ReadUInt64LittleEndian(at[DurableThroughAt..]),
            Generation = BinaryPrimitives.ReadUInt64LittleEndian(at[GenerationAt..]),
            OwnOffset = BinaryPrimitives.ReadInt64LittleEndian(at[OwnOffsetAt..]),
            Segment = BinaryPrimitives.ReadUInt64LittleEndian(at[SegmentAt..]),
            RecordBytes = BinaryPrimitives.ReadInt32LittleEndian(at[RecordBytesAt..]),
            RecordsChecksum = BinaryPrimitives.ReadUInt32LittleEndian(at[RecordsChecksumAt..]),
            HeaderBlocks = BinaryPrimitives.ReadInt32LittleEndian(at[HeaderBlocksAt..]),
            PayloadBlocks = BinaryPrimitives.ReadInt32LittleEndian(at[PayloadBlocksAt..]),
            RecordCount = BinaryPrimitives.ReadInt32LittleEndian(at[RecordCountAt..]),
        };
        return header.HeaderBlocks is >= 1 and <= LogLimits.MaxBatchHeaderBlocks
            && header.PayloadBlocks is >= 0 and <= LogLimits.MaxBatchPayloadBlocks
            && header.RecordBytes >= 0
            && header.RecordBytes <= (header.HeaderBlocks * Units.BlockBytes) - SizeBytes
            && header.RecordCount >= 0 && header.RecordCount <= header.RecordBytes / LogRecord.HeadBytes;
    }

    /// <param name="headerBlocks">All header blocks.</param>
    public bool RecordsMatch(ReadOnlySpan<byte> headerBlocks) => Crc32C.Compute(headerBlocks[SizeBytes..]) == RecordsChecksum;
}

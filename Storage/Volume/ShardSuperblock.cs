using System;
using System.Buffers.Binary;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Volume;

/// <summary>The superblock of a shard's part; docs/on-disk-format.md "Shard superblock" and ShardSuperblockTests pin the
/// offsets. Four places in the first 64 KiB of the part; an update with sequence n writes the two of pair n % 2, so that the
/// other pair always holds the state before it.</summary>
internal readonly record struct ShardSuperblock
{
    /// <summary>The bytes "FSTBSHRD".</summary>
    public const ulong Magic = 0x44524853_42545346;

    public const ushort Version = 1;
    public const int Places = 4;
    public const ulong KnownRefuse = 0;
    public const ulong KnownReadOnly = 0;

    internal const int DeviceAt = 16;
    internal const int ShardAt = 32;
    internal const int ShardsAt = 36;
    internal const int SequenceAt = 40;
    internal const int OwnOffsetAt = 48;
    internal const int GenerationAt = 56;
    internal const int PartBytesAt = 64;
    internal const int LogOffsetAt = 72;
    internal const int SegmentBytesAt = 80;
    internal const int SegmentCountAt = 84;
    internal const int DataOffsetAt = 88;
    internal const int DataBytesAt = 96;
    internal const int RefuseAt = 104;
    internal const int ReadOnlyAt = 112;
    internal const int IgnoreAt = 120;
    internal const int StartSegmentAt = 128;
    internal const int StartBatchAt = 136;
    internal const int StartChainAt = 144;
    internal const int FlagsAt = 148;
    internal const int DurableBatchAt = 152;
    internal const int GenerationFirstBatchAt = 160;
    internal const int TermCeilingAt = 296;

    /// <summary>What a new part begins with: the first elections need no write here.</summary>
    public const ulong FirstTermCeiling = 64;

    public Guid Device { get; init; }
    public int Shard { get; init; }
    public int Shards { get; init; }

    /// <summary>Grows with every write of the superblock.</summary>
    public ulong Sequence { get; init; }

    /// <summary>Grows with every opening of the log for writing; 0 = never opened.</summary>
    public ulong Generation { get; init; }

    public long PartBytes { get; init; }
    public long LogOffset { get; init; }
    public int SegmentBytes { get; init; }
    public int SegmentCount { get; init; }
    public long DataOffset { get; init; }
    public long DataBytes { get; init; }
    public ulong RefuseFeatures { get; init; }
    public ulong ReadOnlyFeatures { get; init; }
    public ulong IgnoreFeatures { get; init; }

    /// <summary>Oldest live segment of the log, the sequence of its first batch, and the chain value before that batch.</summary>
    public ulong StartSegment { get; init; }

    public ulong StartBatch { get; init; }
    public uint StartChain { get; init; }

    public SuperblockFlags Flags { get; init; }

    /// <summary>Every batch up to here was durable when this was written: if one cannot be read, it is damage, not a torn tail.</summary>
    public ulong DurableBatch { get; init; }

    /// <summary>First batch of <see cref="Generation"/>: a batch from here on with an older generation is a stale tail.</summary>
    public ulong GenerationFirstBatch { get; init; }

    /// <summary>No replica of this shard was ever in a higher term than this, so none has voted in one.</summary>
    public ulong TermCeiling { get; init; }

    /// <summary>Where place <paramref name="place"/> (0 to 3) lies in the part; places 0 and 1 are pair 0.</summary>
    public static long PlaceOffset(int place) =>
        (place / 2 * VolumeFormat.SecondCopyOffset) + (place % 2 * VolumeFormat.BlockBytes);

    public void Write(Span<byte> block, long ownOffset)
    {
        block[..VolumeFormat.BlockBytes].Clear();
        VolumeFormat.WriteGuid(block[DeviceAt..], Device);
        BinaryPrimitives.WriteInt32LittleEndian(block[ShardAt..], Shard);
        BinaryPrimitives.WriteInt32LittleEndian(block[ShardsAt..], Shards);
        BinaryPrimitives.WriteUInt64LittleEndian(block[SequenceAt..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(block[OwnOffsetAt..], ownOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(block[GenerationAt..], Generation);
        BinaryPrimitives.WriteInt64LittleEndian(block[PartBytesAt..], PartBytes);
        BinaryPrimitives.WriteInt64LittleEndian(block[LogOffsetAt..], LogOffset);
        BinaryPrimitives.WriteInt32LittleEndian(block[SegmentBytesAt..], SegmentBytes);
        BinaryPrimitives.WriteInt32LittleEndian(block[SegmentCountAt..], SegmentCount);
        BinaryPrimitives.WriteInt64LittleEndian(block[DataOffsetAt..], DataOffset);
        BinaryPrimitives.WriteInt64LittleEndian(block[DataBytesAt..], DataBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(block[RefuseAt..], RefuseFeatures);
        BinaryPrimitives.WriteUInt64LittleEndian(block[ReadOnlyAt..], ReadOnlyFeatures);
        BinaryPrimitives.WriteUInt64LittleEndian(block[IgnoreAt..], IgnoreFeatures);
        BinaryPrimitives.WriteUInt64LittleEndian(block[StartSegmentAt..], StartSegment);
        BinaryPrimitives.WriteUInt64LittleEndian(block[StartBatchAt..], StartBatch);
        BinaryPrimitives.WriteUInt32LittleEndian(block[StartChainAt..], StartChain);
        BinaryPrimitives.WriteUInt32LittleEndian(block[FlagsAt..], (uint)Flags);
        BinaryPrimitives.WriteUInt64LittleEndian(block[DurableBatchAt..], DurableBatch);
        BinaryPrimitives.WriteUInt64LittleEndian(block[GenerationFirstBatchAt..], GenerationFirstBatch);
        BinaryPrimitives.WriteUInt64LittleEndian(block[TermCeilingAt..], TermCeiling);
        VolumeFormat.Seal(block, Magic, Version);
    }

    /// <summary>As <see cref="LabelFormat.TryRead"/>: a Valid block of another version must not be interpreted.</summary>
    public static BlockState TryRead(ReadOnlySpan<byte> block, long ownOffset, out ushort version, out ShardSuperblock superblock)
    {
        superblock = default;
        BlockState state = VolumeFormat.Check(block, Magic, out version);
        if (state is not BlockState.Valid || version != Version) { return state; }
        if (BinaryPrimitives.ReadInt64LittleEndian(block[OwnOffsetAt..]) != ownOffset) { return BlockState.Misdirected; }
        ShardSuperblock read = new()
        {
            Device = VolumeFormat.ReadGuid(block[DeviceAt..]),
            Shard = BinaryPrimitives.ReadInt32LittleEndian(block[ShardAt..]),
            Shards = BinaryPrimitives.ReadInt32LittleEndian(block[ShardsAt..]),
            Sequence = BinaryPrimitives.ReadUInt64LittleEndian(block[SequenceAt..]),
            Generation = BinaryPrimitives.ReadUInt64LittleEndian(block[GenerationAt..]),
            PartBytes = BinaryPrimitives.ReadInt64LittleEndian(block[PartBytesAt..]),
            LogOffset = BinaryPrimitives.ReadInt64LittleEndian(block[LogOffsetAt..]),
            SegmentBytes = BinaryPrimitives.ReadInt32LittleEndian(block[SegmentBytesAt..]),
            SegmentCount = BinaryPrimitives.ReadInt32LittleEndian(block[SegmentCountAt..]),
            DataOffset = BinaryPrimitives.ReadInt64LittleEndian(block[DataOffsetAt..]),
            DataBytes = BinaryPrimitives.ReadInt64LittleEndian(block[DataBytesAt..]),
            RefuseFeatures = BinaryPrimitives.ReadUInt64LittleEndian(block[RefuseAt..]),
            ReadOnlyFeatures = BinaryPrimitives.ReadUInt64LittleEndian(block[ReadOnlyAt..]),
            IgnoreFeatures = BinaryPrimitives.ReadUInt64LittleEndian(block[IgnoreAt..]),
            StartSegment = BinaryPrimitives.ReadUInt64LittleEndian(block[StartSegmentAt..]),
            StartBatch = BinaryPrimitives.ReadUInt64LittleEndian(block[StartBatchAt..]),
            StartChain = BinaryPrimitives.ReadUInt32LittleEndian(block[StartChainAt..]),
            Flags = (SuperblockFlags)BinaryPrimitives.ReadUInt32LittleEndian(block[FlagsAt..]),
            DurableBatch = BinaryPrimitives.ReadUInt64LittleEndian(block[DurableBatchAt..]),
            GenerationFirstBatch = BinaryPrimitives.ReadUInt64LittleEndian(block[GenerationFirstBatchAt..]),
            TermCeiling = BinaryPrimitives.ReadUInt64LittleEndian(block[TermCeilingAt..]),
        };
        if (!read.IsSound()) { return BlockState.Damaged; }
        superblock = read;
        return BlockState.Valid;
    }

    private bool IsSound()
    {
        bool shape = SegmentBytes is >= VolumeGeometry.MinSegmentBytes and <= VolumeGeometry.MaxSegmentBytes
            && SegmentBytes % VolumeFormat.AreaBytes == 0
            && SegmentCount is >= LogLimits.MinSegments and <= (1 << 24)
            && Shards is >= 1 and <= VolumeGeometry.MaxShards && Shard >= 0 && Shard < Shards
            && StartBatch is > 0 and < (1UL << 62) && StartSegment < (1UL << 62) && Generation < (1UL << 62)
            && Sequence < (1UL << 62) && TermCeiling <= (1UL << 62);
        if (!shape || LogOffset < VolumeFormat.AreaBytes || LogOffset > PartBytes || DataOffset < 0 || DataBytes < 0) { return false; }
        long logBytes = (long)SegmentBytes * SegmentCount;
        return logBytes <= PartBytes - LogOffset && DataOffset >= LogOffset + logBytes && DataOffset <= PartBytes
            && DataBytes <= PartBytes - DataOffset
            && DataOffset % VolumeFormat.AreaBytes == 0 && DataBytes % VolumeFormat.AreaBytes == 0
            && LogOffset % VolumeFormat.AreaBytes == 0;
    }
}

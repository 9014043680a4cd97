using System;
using System.Buffers.Binary;

namespace Fastblock.Storage.Volume;

/// <summary>The device label on disk; docs/on-disk-format.md "Label" and LabelTests pin the offsets. Four copies: two in the
/// first 64 KiB of the device, two in the last 64 KiB. The valid one with the highest sequence counts.</summary>
internal static class LabelFormat
{
    /// <summary>The bytes "FSTBLABL".</summary>
    public const ulong Magic = 0x4C42414C_42545346;

    public const ushort Version = 1;
    public const int Copies = 4;

    // No feature bits are defined yet.
    public const ulong KnownRefuse = 0;
    public const ulong KnownReadOnly = 0;

    internal const int ClusterAt = 16;
    internal const int DeviceAt = 32;
    internal const int KindAt = 48;
    internal const int NodeIdAt = 52;
    internal const int SequenceAt = 56;
    internal const int OwnOffsetAt = 64;
    internal const int RefuseAt = 72;
    internal const int ReadOnlyAt = 80;
    internal const int IgnoreAt = 88;
    internal const int DeviceBytesAt = 96;
    internal const int FirstPartAt = 104;
    internal const int PartBytesAt = 112;
    internal const int ShardsAt = 120;
    internal const int CreatedAt = 128;
    internal const int EndAt = 136;

    /// <summary>Where copy <paramref name="copy"/> lies on a device of the given size.</summary>
    public static long CopyOffset(int copy, long deviceBytes) =>
        (copy < 2 ? 0 : deviceBytes - VolumeFormat.AreaBytes) + (copy % 2 * VolumeFormat.SecondCopyOffset);

    public static void Write(Span<byte> block, VolumeLabel label, long ownOffset)
    {
        block[..VolumeFormat.BlockBytes].Clear();
        VolumeFormat.WriteGuid(block[ClusterAt..], label.Cluster);
        VolumeFormat.WriteGuid(block[DeviceAt..], label.Device);
        block[KindAt] = (byte)label.Kind;
        BinaryPrimitives.WriteUInt32LittleEndian(block[NodeIdAt..], label.NodeId);
        BinaryPrimitives.WriteUInt64LittleEndian(block[SequenceAt..], label.Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(block[OwnOffsetAt..], ownOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(block[RefuseAt..], label.RefuseFeatures);
        BinaryPrimitives.WriteUInt64LittleEndian(block[ReadOnlyAt..], label.ReadOnlyFeatures);
        BinaryPrimitives.WriteUInt64LittleEndian(block[IgnoreAt..], label.IgnoreFeatures);
        BinaryPrimitives.WriteInt64LittleEndian(block[DeviceBytesAt..], label.DeviceBytes);
        BinaryPrimitives.WriteInt64LittleEndian(block[FirstPartAt..], label.FirstPartBytes);
        BinaryPrimitives.WriteInt64LittleEndian(block[PartBytesAt..], label.PartBytes);
        BinaryPrimitives.WriteInt32LittleEndian(block[ShardsAt..], label.Shards);
        BinaryPrimitives.WriteInt64LittleEndian(block[CreatedAt..], label.CreatedWallMillis);
        VolumeFormat.Seal(block, Magic, Version);
    }

    /// <param name="version">Of the block as it says itself; with another one than <see cref="Version"/>, a Valid block's
    /// <paramref name="label"/> is null: nothing else of it may be interpreted.</param>
    public static BlockState TryRead(ReadOnlySpan<byte> block, long ownOffset, out ushort version, out VolumeLabel? label)
    {
        label = null;
        BlockState state = VolumeFormat.Check(block, Magic, out version);
        if (state is not BlockState.Valid || version != Version) { return state; }
        if (BinaryPrimitives.ReadInt64LittleEndian(block[OwnOffsetAt..]) != ownOffset) { return BlockState.Misdirected; }
        VolumeLabel read = new()
        {
            Cluster = VolumeFormat.ReadGuid(block[ClusterAt..]),
            Device = VolumeFormat.ReadGuid(block[DeviceAt..]),
            Kind = (NodeKind)block[KindAt],
            NodeId = BinaryPrimitives.ReadUInt32LittleEndian(block[NodeIdAt..]),
            Sequence = BinaryPrimitives.ReadUInt64LittleEndian(block[SequenceAt..]),
            RefuseFeatures = BinaryPrimitives.ReadUInt64LittleEndian(block[RefuseAt..]),
            ReadOnlyFeatures = BinaryPrimitives.ReadUInt64LittleEndian(block[ReadOnlyAt..]),
            IgnoreFeatures = BinaryPrimitives.ReadUInt64LittleEndian(block[IgnoreAt..]),
            DeviceBytes = BinaryPrimitives.ReadInt64LittleEndian(block[DeviceBytesAt..]),
            FirstPartBytes = BinaryPrimitives.ReadInt64LittleEndian(block[FirstPartAt..]),
            PartBytes = BinaryPrimitives.ReadInt64LittleEndian(block[PartBytesAt..]),
            Shards = BinaryPrimitives.ReadInt32LittleEndian(block[ShardsAt..]),
            CreatedWallMillis = BinaryPrimitives.ReadInt64LittleEndian(block[CreatedAt..]),
        };
        if (!IsSound(read)) { return BlockState.Damaged; }
        label = read;
        return BlockState.Valid;
    }

    /// <summary>Numbers that later arithmetic relies on; a right checksum alone does not make them right.</summary>
    private static bool IsSound(VolumeLabel label) =>
        label.Kind is NodeKind.Osd or NodeKind.Mon
        && label.Shards is >= 1 and <= VolumeGeometry.MaxShards
        && label.FirstPartBytes >= VolumeFormat.AreaBytes
        && label.FirstPartBytes <= label.DeviceBytes
        && label.FirstPartBytes % VolumeFormat.AreaBytes == 0
        && label.PartBytes >= VolumeFormat.AreaBytes
        && label.PartBytes % VolumeFormat.AreaBytes == 0
        && label.PartBytes <= (label.DeviceBytes - label.FirstPartBytes) / label.Shards;
}

using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Volume;

/// <summary>A block between the copies of the label that says: an mkfs has begun here, under this uuid. It is written before the
/// cluster is asked for an id and wiped behind the label, so that an mkfs that was cut short is repeated under the uuid,
/// and so the id, that the cluster knows already. Whoever has a label has no use for it. docs/on-disk-format.md "Label".</summary>
internal static class MkfsMark
{
    /// <summary>The bytes "FSTBMKFS".</summary>
    public const ulong Magic = 0x53464B4D_42545346;

    public const ushort Version = 1;

    /// <summary>Half-way between the first two copies of the label.</summary>
    public const int OffsetBytes = VolumeFormat.SecondCopyOffset / 2;

    internal const int ClusterAt = 16;
    internal const int DeviceAt = 32;
    internal const int OwnOffsetAt = 48;

    /// <summary>The uuid under which an mkfs for <paramref name="cluster"/> has begun; null when none has, or it cannot be read.</summary>
    public static async ReactorTask<Guid?> ReadAsync(IBlockDevice device, Guid cluster)
    {
        if (device.SizeBytes < 2 * VolumeFormat.AreaBytes) { return null; }
        using AlignedMemory block = new(VolumeFormat.BlockBytes);
        Errno status = await block.Request(IoKind.Read, OffsetBytes, 0, VolumeFormat.BlockBytes).RunAsync(device);
        return status is Errno.None && TryRead(block.Span(0, VolumeFormat.BlockBytes), out Guid of, out Guid uuid) && of == cluster ? uuid : null;
    }

    /// <summary>Writes the mark, durably.</summary>
    public static ReactorTask<Errno> WriteAsync(IBlockDevice device, Guid cluster, Guid uuid) => PutAsync(device, (cluster, uuid));

    /// <summary>Wipes the mark, durably.</summary>
    public static ReactorTask<Errno> ClearAsync(IBlockDevice device) => PutAsync(device, null);

    internal static void Write(Span<byte> block, Guid cluster, Guid uuid)
    {
        block[..VolumeFormat.BlockBytes].Clear();
        VolumeFormat.WriteGuid(block[ClusterAt..], cluster);
        VolumeFormat.WriteGuid(block[DeviceAt..], uuid);
        BinaryPrimitives.WriteInt64LittleEndian(block[OwnOffsetAt..], OffsetBytes);
        VolumeFormat.Seal(block, Magic, Version);
    }

    internal static bool TryRead(ReadOnlySpan<byte> block, out Guid cluster, out Guid uuid)
    {
        (cluster, uuid) = (Guid.Empty, Guid.Empty);
        if (VolumeFormat.Check(block, Magic, out ushort version) is not BlockState.Valid || version != Version) { return false; }
        cluster = VolumeFormat.ReadGuid(block[ClusterAt..]);
        uuid = VolumeFormat.ReadGuid(block[DeviceAt..]);
        return uuid != Guid.Empty && BinaryPrimitives.ReadInt64LittleEndian(block[OwnOffsetAt..]) == OffsetBytes;
    }

    private static async ReactorTask<Errno> PutAsync(IBlockDevice device, (Guid Cluster, Guid Uuid)? mark)
    {
        using AlignedMemory block = new(VolumeFormat.BlockBytes);
        if (mark is { } what) { Write(block.Span(0, VolumeFormat.BlockBytes), what.Cluster, what.Uuid); }
        return await block.Request(IoKind.Write, OffsetBytes, 0, VolumeFormat.BlockBytes, durable: true).RunAsync(device);
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Volume;

/// <summary>A whole device: makes and reads its label. Each shard then opens its own part (a <see cref="DevicePartition"/> at
/// <see cref="VolumeLabel.PartOffset"/>) with <see cref="ShardVolume.OpenAsync"/>.</summary>
internal static class DeviceVolume
{
    /// <summary>mkfs. Refuses a device that carries a valid label unless forced. Order: old labels are wiped, then the shards'
    /// superblocks are written, then the labels: a device with a label is completely formatted.</summary>
    public static async ReactorTask<VolumeResult> FormatAsync(Reactor reactor, IBlockDevice device, VolumeFormatOptions options)
    {
        VolumeStatus planned = VolumeGeometry.TryPlan(device.SizeBytes, options, out VolumeGeometry geometry, out string text);
        if (planned is not VolumeStatus.Ok) { return new VolumeResult(planned, null, text); }
        VolumeResult old = await ReadLabelAsync(device);
        if (old.Status is VolumeStatus.Io) { return old; }
        if (!options.Force && old.Status is not VolumeStatus.NotFormatted)
        {
            string whose = old.Label is null ? old.Text : $"it belongs to {Describe(old.Label)}";
            return new VolumeResult(VolumeStatus.AlreadyFormatted, old.Label,
                $"the device is formatted already: {whose}; use --force to erase everything on it");
        }
        VolumeLabel label = new()
        {
            Cluster = options.Cluster,
            Kind = options.Kind,
            NodeId = options.NodeId,
            Device = options.Device,
            Shards = options.Shards,
            DeviceBytes = device.SizeBytes,
            FirstPartBytes = geometry.FirstPartBytes,
            PartBytes = geometry.PartBytes,
            Sequence = 1,
            RefuseFeatures = 0,
            ReadOnlyFeatures = 0,
            IgnoreFeatures = 0,
            CreatedWallMillis = options.CreatedWallMillis,
        };
        using AlignedMemory block = new(VolumeFormat.BlockBytes);
        Errno status = await WriteLabelsAsync(device, block, null);
        // Gives the old contents' space back; what stays there anyway is told apart by the new device uuid.
        if (status is Errno.None) { await DiscardAsync(device, geometry.FirstPartBytes, options.Shards * geometry.PartBytes); }
        for (int shard = 0; shard < options.Shards && status is Errno.None; shard++)
        {
            status = await WriteSuperblocksAsync(device, block, label, geometry, shard);
        }
        if (status is Errno.None) { status = await device.FlushAsync(); }
        if (status is Errno.None) { status = await WriteLabelsAsync(device, block, label); }
        return status is Errno.None
            ? new VolumeResult(VolumeStatus.Ok, label, "")
            : new VolumeResult(VolumeStatus.Io, null, $"writing to the device failed: {status}");
    }

    /// <summary>Reads the label and refuses a device that is not what was expected, or that this program must not touch.</summary>
    public static async ReactorTask<VolumeResult> OpenAsync(Reactor reactor, IBlockDevice device, VolumeExpectation expected)
    {
        VolumeResult read = await ReadLabelAsync(device);
        return read.Status is VolumeStatus.Ok ? Judge(read.Label!, device.SizeBytes, expected) : read;
    }

    /// <summary>Reads the label only: for tools, which look at devices that nobody may open.</summary>
    public static async ReactorTask<VolumeResult> ReadLabelAsync(IBlockDevice device)
    {
        if (device.SizeBytes < 2 * VolumeFormat.AreaBytes)
        {
            return new VolumeResult(VolumeStatus.NotFormatted, null, $"the device has only {device.SizeBytes} bytes");
        }
        LabelChoice choice = new();
        using AlignedMemory block = new(VolumeFormat.BlockBytes);
        for (int copy = 0; copy < LabelFormat.Copies; copy++)
        {
            long offset = LabelFormat.CopyOffset(copy, device.SizeBytes);
            Errno status = await block.Request(IoKind.Read, offset, 0, VolumeFormat.BlockBytes).RunAsync(device);
            choice.Add(status, block.Span(0, VolumeFormat.BlockBytes), offset);
        }
        return choice.Result();
    }

    private static VolumeResult Judge(VolumeLabel label, long deviceBytes, VolumeExpectation expected)
    {
        string whose = Describe(label);
        VolumeResult Refuse(VolumeStatus status, string text) => new(status, label, text);
        ulong unknown = label.RefuseFeatures & ~LabelFormat.KnownRefuse;
        ulong unwritable = label.ReadOnlyFeatures & ~LabelFormat.KnownReadOnly;
        if ((unknown | unwritable) != 0)
        {
            return Refuse(VolumeStatus.UnknownFeature,
                $"the device of {whose} uses features that this version does not know (refuse {unknown:x}, read-only "
                + $"{unwritable:x}): use a newer fastblock");
        }
        if (expected.Cluster is Guid cluster && cluster != label.Cluster)
        {
            return Refuse(VolumeStatus.WrongCluster, $"the device belongs to {whose}, not to cluster {cluster}");
        }
        if ((expected.Kind is NodeKind kind && kind != label.Kind) || (expected.NodeId is uint id && id != label.NodeId))
        {
            return Refuse(VolumeStatus.WrongNode,
                $"the device belongs to {whose}, not to {(expected.NodeId is uint wanted ? $"{NameOf(expected.Kind ?? label.Kind)}.{wanted}" : expected.Kind is NodeKind.Mon ? "a monitor" : "an OSD")}");
        }
        if (expected.Shards is int shards && shards != label.Shards)
        {
            return Refuse(VolumeStatus.WrongShardCount,
                $"the device of {whose} was formatted with {label.Shards} shard(s), the cluster has {shards}: the number of shards "
                + "is fixed when a cluster is created");
        }
        if (deviceBytes < label.DeviceBytes)
        {
            return Refuse(VolumeStatus.TooSmall,
                $"the device of {whose} has {deviceBytes} bytes but had {label.DeviceBytes} when it was formatted: it was cut off");
        }
        return new VolumeResult(VolumeStatus.Ok, label, "");
    }

    /// <summary>As messages name the owner of a device.</summary>
    public static string Describe(VolumeLabel label) =>
        $"{NameOf(label.Kind)}.{label.NodeId} of cluster {label.Cluster} (device {label.Device})";

    /// <summary>osd.3, mon.0.</summary>
    public static string NameOf(VolumeLabel label) => $"{NameOf(label.Kind)}.{label.NodeId}";

    private static string NameOf(NodeKind kind) => kind is NodeKind.Mon ? "mon" : "osd";

    /// <summary>Writes all copies, durably, one pair after the other; null wipes them.</summary>
    private static async ReactorTask<Errno> WriteLabelsAsync(IBlockDevice device, AlignedMemory block, VolumeLabel? label)
    {
        for (int copy = 0; copy < LabelFormat.Copies; copy++)
        {
            long offset = LabelFormat.CopyOffset(copy, device.SizeBytes);
            if (label is null) { block.Span(0, VolumeFormat.BlockBytes).Clear(); }
            else { LabelFormat.Write(block.Span(0, VolumeFormat.BlockBytes), label, offset); }
            Errno status = await block.Request(IoKind.Write, offset, 0, VolumeFormat.BlockBytes, durable: true).RunAsync(device);
            if (status is not Errno.None) { return status; }
        }
        return Errno.None;
    }

    private static async ReactorTask<Errno> WriteSuperblocksAsync(
        IBlockDevice device, AlignedMemory block, VolumeLabel label, VolumeGeometry geometry, int shard)
    {
        ShardSuperblock superblock = new()
        {
            Device = label.Device,
            Shard = shard,
            Shards = label.Shards,
            Sequence = 1,
            PartBytes = geometry.PartBytes,
            LogOffset = geometry.LogOffset,
            SegmentBytes = geometry.SegmentBytes,
            SegmentCount = geometry.SegmentCount,
            TermCeiling = ShardSuperblock.FirstTermCeiling,
            DataOffset = geometry.DataOffset,
            DataBytes = geometry.DataBytes,
            StartBatch = 1,
            GenerationFirstBatch = 1,
        };
        // All places, so that nothing of a former life is left in one of them.
        for (int place = 0; place < ShardSuperblock.Places; place++)
        {
            long offset = ShardSuperblock.PlaceOffset(place);
            superblock.Write(block.Span(0, VolumeFormat.BlockBytes), offset);
            Errno status = await block.Request(IoKind.Write, label.PartOffset(shard) + offset, 0, VolumeFormat.BlockBytes)
                .RunAsync(device);
            if (status is not Errno.None) { return status; }
        }
        return Errno.None;
    }

    /// <summary>Best effort.</summary>
    private static async ReactorTask DiscardAsync(IBlockDevice device, long offset, long bytes)
    {
        const long Step = Units.GiB;
        for (long end = offset + bytes; offset < end; offset += Step)
        {
            Errno status = await device.DiscardAsync(offset, (int)Math.Min(Step, end - offset));
            if (status is not Errno.None) { return; }
        }
    }
}

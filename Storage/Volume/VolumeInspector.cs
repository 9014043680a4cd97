using System.Collections.Generic;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Volume;

/// <summary>Offline readers for labels and superblocks: shows every copy as it is, good or not. Writes nothing.</summary>
internal static class VolumeInspector
{
    /// <summary>One row for each copy of the device's label, and one for the mark of an mkfs that was cut short.</summary>
    public static async ReactorTask<List<InspectRow>> LabelsAsync(IBlockDevice device)
    {
        List<InspectRow> rows = [];
        using AlignedMemory block = new(VolumeFormat.BlockBytes);
        for (int copy = 0; copy < LabelFormat.Copies && device.SizeBytes >= 2 * VolumeFormat.AreaBytes; copy++)
        {
            long offset = LabelFormat.CopyOffset(copy, device.SizeBytes);
            Errno status = await block.Request(IoKind.Read, offset, 0, VolumeFormat.BlockBytes).RunAsync(device);
            rows.Add(LabelRow(block, copy, offset, status));
        }
        if (device.SizeBytes >= 2 * VolumeFormat.AreaBytes) { await AddMarkAsync(device, block, rows); }
        return rows;
    }

    /// <summary>The mark of an mkfs that was cut short, if there is one.</summary>
    private static async ReactorTask AddMarkAsync(IBlockDevice device, AlignedMemory block, List<InspectRow> rows)
    {
        Errno status = await block.Request(IoKind.Read, MkfsMark.OffsetBytes, 0, VolumeFormat.BlockBytes).RunAsync(device);
        if (status is Errno.None && MkfsMark.TryRead(block.Span(0, block.Bytes), out System.Guid cluster, out System.Guid uuid))
        {
            rows.Add(new InspectRow("mkfs_under_way").With("offset", MkfsMark.OffsetBytes).With("cluster", cluster.ToString()).With("device", uuid.ToString()));
        }
    }

    /// <summary>One row for each place of a shard's superblock.</summary>
    public static async ReactorTask<List<InspectRow>> SuperblocksAsync(IBlockDevice part)
    {
        List<InspectRow> rows = [];
        using AlignedMemory block = new(VolumeFormat.BlockBytes);
        for (int place = 0; place < ShardSuperblock.Places; place++)
        {
            long offset = ShardSuperblock.PlaceOffset(place);
            Errno status = await block.Request(IoKind.Read, offset, 0, VolumeFormat.BlockBytes).RunAsync(part);
            rows.Add(SuperblockRow(block, place, offset, status));
        }
        return rows;
    }

    private static InspectRow LabelRow(AlignedMemory block, int copy, long offset, Errno status)
    {
        InspectRow row = new InspectRow("label").With("copy", copy).With("offset", offset);
        if (status is not Errno.None) { return row.With("state", status.ToString()); }
        BlockState state = LabelFormat.TryRead(block.Span(0, block.Bytes), offset, out ushort version, out VolumeLabel? label);
        _ = row.With("state", state.ToString()).With("version", version);
        return label is null
            ? row
            : row.With("sequence", label.Sequence).With("cluster", label.Cluster.ToString()).With("node", DeviceVolume.NameOf(label))
                .With("device", label.Device.ToString()).With("shards", label.Shards).With("device_bytes", label.DeviceBytes)
                .With("first_part", label.FirstPartBytes).With("part_bytes", label.PartBytes)
                .With("refuse", Hex(label.RefuseFeatures)).With("read_only", Hex(label.ReadOnlyFeatures))
                .With("ignore", Hex(label.IgnoreFeatures)).With("created_ms", label.CreatedWallMillis);
    }

    private static InspectRow SuperblockRow(AlignedMemory block, int place, long offset, Errno status)
    {
        InspectRow row = new InspectRow("superblock").With("place", place).With("offset", offset);
        if (status is not Errno.None) { return row.With("state", status.ToString()); }
        BlockState state = ShardSuperblock.TryRead(block.Span(0, block.Bytes), offset, out ushort version, out ShardSuperblock s);
        _ = row.With("state", state.ToString()).With("version", version);
        return state is not BlockState.Valid || version != ShardSuperblock.Version
            ? row
            : row.With("sequence", s.Sequence).With("device", s.Device.ToString()).With("shard", s.Shard).With("shards", s.Shards)
                .With("generation", s.Generation).With("generation_first_batch", s.GenerationFirstBatch)
                .With("part_bytes", s.PartBytes).With("log_offset", s.LogOffset).With("segment_bytes", s.SegmentBytes)
                .With("segments", s.SegmentCount).With("data_offset", s.DataOffset).With("data_bytes", s.DataBytes)
                .With("start_segment", s.StartSegment).With("start_batch", s.StartBatch).With("start_chain", Hex(s.StartChain))
                .With("durable_batch", s.DurableBatch).With("term_ceiling", s.TermCeiling).With("flags", s.Flags.ToString().Replace(", ", "+"));
    }

    private static string Hex(ulong value) => value.ToString("x", CultureInfo.InvariantCulture);
}

using System;
using System.Numerics;
using Fastblock.Native.Base;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Volume;

/// <summary>How a device is divided: label area, equal shard parts, label area; and a part: superblock area, log, data.
/// Everything is a multiple of 64 KiB (the allocation unit of the data region).</summary>
internal readonly record struct VolumeGeometry(
    long FirstPartBytes, long PartBytes, long LogOffset, int SegmentBytes, int SegmentCount, long DataOffset, long DataBytes)
{
    public const int MaxShards = 256;

    /// <summary>Segments must hold the largest record; tests use small ones with small records.</summary>
    public const int MinSegmentBytes = VolumeFormat.AreaBytes;

    public const int MaxSegmentBytes = (int)(64 * Units.MiB);

    /// <summary>Data region of an OSD's part below which nothing useful fits.</summary>
    private const long MinDataBytes = 64 * Units.KiB;

    /// <returns>Ok, Invalid or TooSmall; <paramref name="text"/> says what to change.</returns>
    public static VolumeStatus TryPlan(long deviceBytes, VolumeFormatOptions options, out VolumeGeometry geometry, out string text)
    {
        geometry = default;
        text = "";
        const long Unit = VolumeFormat.AreaBytes;
        if (options.Shards is < 1 or > MaxShards || (options.Kind is NodeKind.Mon && options.Shards != 1))
        {
            text = $"the number of shards must be 1 to {MaxShards} (1 for a monitor), not {options.Shards}";
            return VolumeStatus.Invalid;
        }
        long part = Math.Max(0, (deviceBytes - (2 * Unit)) / options.Shards / Unit * Unit);
        long room = part - Unit;
        long log = options.LogBytes;
        if (log == 0) { log = options.Kind is NodeKind.Mon ? room : Math.Clamp(part / 8, 32 * Units.MiB, 4 * Units.GiB); }
        int segment = options.SegmentBytes;
        if (segment == 0)
        {
            long wish = Math.Clamp(log / 16, Units.MiB, 4 * Units.MiB);
            segment = (int)BitOperations.RoundUpToPowerOf2((ulong)wish + 1) / 2;
        }
        if (segment < MinSegmentBytes || segment > MaxSegmentBytes || segment % Unit != 0)
        {
            text = $"the segment size must be a multiple of 64 KiB up to 64 MiB, not {segment} bytes";
            return VolumeStatus.Invalid;
        }
        log = log / segment * segment;
        long data = options.Kind is NodeKind.Mon ? 0 : room - log;
        if (log / segment < LogLimits.MinSegments || log > room || (options.Kind is NodeKind.Osd && data < MinDataBytes))
        {
            long need = (2 * Unit) + (options.Shards * ((2 * Unit) + Math.Max(log, (long)LogLimits.MinSegments * segment)));
            text = $"the device has {deviceBytes} bytes; {options.Shards} shard(s) with a log of at least "
                + $"{LogLimits.MinSegments} segments of {segment} bytes need {need} or more: use a larger device or fewer shards";
            return VolumeStatus.TooSmall;
        }
        geometry = new VolumeGeometry(Unit, part, Unit, segment, (int)(log / segment), Unit + log, data);
        return VolumeStatus.Ok;
    }
}

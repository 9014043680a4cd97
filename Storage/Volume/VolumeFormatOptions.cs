using System;

namespace Fastblock.Storage.Volume;

/// <summary>What <see cref="DeviceVolume.FormatAsync"/> writes.</summary>
internal sealed record VolumeFormatOptions
{
    public required Guid Cluster { get; init; }
    public required NodeKind Kind { get; init; }

    /// <summary>OSD or monitor number.</summary>
    public required uint NodeId { get; init; }

    /// <summary>A new, random uuid each time a device is formatted: old contents are told apart by it.</summary>
    public required Guid Device { get; init; }

    /// <summary>Equal parts of the device; monitors use 1.</summary>
    public int Shards { get; init; } = 1;

    /// <summary>Log of each shard; 0 = part / 8 within [32 MiB, 4 GiB] for an OSD, the whole part for a monitor.</summary>
    public long LogBytes { get; init; }

    /// <summary>0 = log / 16, a power of two within [1 MiB, 4 MiB].</summary>
    public int SegmentBytes { get; init; }

    /// <summary>Milliseconds since 1970, for people only.</summary>
    public long CreatedWallMillis { get; init; }

    /// <summary>Format even if the device carries a valid label.</summary>
    public bool Force { get; init; }
}

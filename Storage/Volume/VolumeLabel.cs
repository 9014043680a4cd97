using System;

namespace Fastblock.Storage.Volume;

/// <summary>What a device says about itself.</summary>
internal sealed record VolumeLabel
{
    public required Guid Cluster { get; init; }
    public required NodeKind Kind { get; init; }
    public required uint NodeId { get; init; }
    public required Guid Device { get; init; }
    public required int Shards { get; init; }
    public required long DeviceBytes { get; init; }

    /// <summary>Where the first shard's part begins.</summary>
    public required long FirstPartBytes { get; init; }

    public required long PartBytes { get; init; }
    public required ulong Sequence { get; init; }
    public required ulong RefuseFeatures { get; init; }
    public required ulong ReadOnlyFeatures { get; init; }
    public required ulong IgnoreFeatures { get; init; }
    public required long CreatedWallMillis { get; init; }

    /// <summary>Where the part of <paramref name="shard"/> begins on the device, in bytes.</summary>
    public long PartOffset(int shard) => FirstPartBytes + (shard * PartBytes);
}

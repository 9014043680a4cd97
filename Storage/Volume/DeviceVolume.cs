using System;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Volume;

/// <summary>A whole device: makes and reads its label. Each shard then opens its own part (a <see cref="DevicePartition"/> at
/// <see cref="VolumeLabel.PartOffset"/>) with <see cref="ShardVolume.OpenAsync"/>.</summary>
internal static class DeviceVolume
{
    /// <summary>mkfs. Refuses a device that carries a valid label unless forced.</summary>
    public static ReactorTask<VolumeResult> FormatAsync(Reactor reactor, IBlockDevice device, VolumeFormatOptions options) =>
        throw new NotSupportedException();

    /// <summary>Reads the label and refuses a device that is not what was expected, or that this program must not touch.</summary>
    public static ReactorTask<VolumeResult> OpenAsync(Reactor reactor, IBlockDevice device, VolumeExpectation expected) =>
        throw new NotSupportedException();
}

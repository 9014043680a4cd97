using System;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Volume;

/// <summary>One shard's part of a device: its superblock, its log region and its data region.</summary>
internal sealed class ShardVolume
{
    /// <summary>Reads the superblock of a part and checks that it belongs to this device and shard. Writes nothing: the open is
    /// recorded when the log has been replayed.</summary>
    public static ReactorTask<ShardVolumeResult> OpenAsync(Reactor reactor, IBlockDevice part, VolumeLabel label, int shard) =>
        throw new NotSupportedException();

    /// <summary>The whole part; offsets below, and every <see cref="Log.LogLocation"/>, are relative to it.</summary>
    public IBlockDevice Part => throw new NotSupportedException();

    public VolumeLabel Label => throw new NotSupportedException();
    public int Shard => throw new NotSupportedException();
    public long LogOffset => throw new NotSupportedException();
    public long LogBytes => throw new NotSupportedException();
    public int SegmentBytes => throw new NotSupportedException();

    /// <summary>Where the data region begins and how long it is; both multiples of 64 KiB; 0 bytes on a monitor.</summary>
    public long DataOffset => throw new NotSupportedException();

    public long DataBytes => throw new NotSupportedException();
}

using System;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Volume;

/// <summary>Looks at all places of a shard's superblock and chooses the newest valid one of this device and shard.</summary>
internal sealed class SuperblockChoice(VolumeLabel label, int shard)
{
    private ShardSuperblock _newest;
    private bool _found;
    private bool _foreign;
    private bool _damaged;
    private ushort _otherVersion;
    private Errno _error;

    public void Add(Errno status, ReadOnlySpan<byte> block, long ownOffset)
    {
        if (status is not Errno.None)
        {
            _error = status;
            return;
        }
        BlockState state = ShardSuperblock.TryRead(block, ownOffset, out ushort version, out ShardSuperblock read);
        if (state is BlockState.Damaged or BlockState.Misdirected) { _damaged = true; }
        if (state is not BlockState.Valid) { return; }
        if (version != ShardSuperblock.Version)
        {
            _otherVersion = version;
            return;
        }
        if (read.Device != label.Device || read.Shard != shard || read.Shards != label.Shards || read.PartBytes > label.PartBytes)
        {
            _foreign = true;
            return;
        }
        if (!_found || read.Sequence > _newest.Sequence) { _newest = read; }
        _found = true;
    }

    public VolumeStatus Result(out ShardSuperblock superblock, out string text)
    {
        superblock = _newest;
        text = "";
        string where = $"shard {shard} of {DeviceVolume.Describe(label)}";
        if (_otherVersion != 0)
        {
            text = $"{where} has format version {_otherVersion}, this program knows version {ShardSuperblock.Version}";
            return VolumeStatus.UnknownVersion;
        }
        if (_found)
        {
            ulong unknown = (_newest.RefuseFeatures & ~ShardSuperblock.KnownRefuse)
                | (_newest.ReadOnlyFeatures & ~ShardSuperblock.KnownReadOnly);
            if (unknown == 0) { return VolumeStatus.Ok; }
            text = $"{where} uses features that this version does not know ({unknown:x}): use a newer fastblock";
            return VolumeStatus.UnknownFeature;
        }
        if (_error is not Errno.None)
        {
            text = $"reading {where} failed: {_error}";
            return VolumeStatus.Io;
        }
        text = _foreign
            ? $"the superblock found at {where} belongs to another device or shard: formatting was interrupted or parts were mixed up"
            : $"{where} has no readable superblock" + (_damaged ? ": every copy is damaged" : "");
        return VolumeStatus.Damaged;
    }
}

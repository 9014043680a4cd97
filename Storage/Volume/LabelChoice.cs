using System;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Volume;

/// <summary>Looks at all copies of a label and chooses: the newest valid one; without any, the best explanation.</summary>
internal sealed class LabelChoice
{
    private VolumeLabel? _newest;
    private ushort _otherVersion;
    private int _damaged;
    private Errno _error;

    public void Add(Errno status, ReadOnlySpan<byte> block, long ownOffset)
    {
        if (status is not Errno.None)
        {
            _error = status;
            return;
        }
        switch (LabelFormat.TryRead(block, ownOffset, out ushort version, out VolumeLabel? label))
        {
            case BlockState.Valid when label is null: _otherVersion = version; break;
            case BlockState.Valid:
                if (_newest is null || label.Sequence > _newest.Sequence) { _newest = label; }
                break;
            case BlockState.Damaged or BlockState.Misdirected: _damaged++; break;
            default: break;
        }
    }

    public VolumeResult Result()
    {
        if (_otherVersion != 0)
        {
            return new VolumeResult(VolumeStatus.UnknownVersion, null,
                $"the device has format version {_otherVersion}, this program knows version {LabelFormat.Version}: use the "
                + "fastblock version that formatted or upgraded it");
        }
        if (_newest is not null) { return new VolumeResult(VolumeStatus.Ok, _newest, ""); }
        if (_error is not Errno.None) { return new VolumeResult(VolumeStatus.Io, null, $"reading the device failed: {_error}"); }
        return _damaged > 0
            ? new VolumeResult(VolumeStatus.Damaged, null, "the device has a fastblock label but every copy of it is damaged")
            : new VolumeResult(VolumeStatus.NotFormatted, null, "the device is not formatted for fastblock");
    }
}

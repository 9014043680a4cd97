namespace Fastblock.Storage.Volume;

/// <summary>Outcome of formatting or opening a device or a shard's part of it.</summary>
internal enum VolumeStatus : byte
{
    Ok,

    /// <summary>Format: a valid label is there already.</summary>
    AlreadyFormatted,

    /// <summary>Open: no valid label anywhere.</summary>
    NotFormatted,

    /// <summary>The label is there but the copies do not match their checksums.</summary>
    Damaged,

    WrongCluster,

    /// <summary>Another kind of node, another OSD or monitor.</summary>
    WrongNode,

    /// <summary>The shard count is not the cluster's.</summary>
    WrongShardCount,

    UnknownVersion,

    /// <summary>Made by a newer program with a feature that this one must not ignore.</summary>
    UnknownFeature,

    /// <summary>Too small for the geometry, or smaller than it was when it was formatted.</summary>
    TooSmall,

    /// <summary>Bad options (shard count, sizes).</summary>
    Invalid,

    Io,
}

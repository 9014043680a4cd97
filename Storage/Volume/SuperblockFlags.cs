using System;

namespace Fastblock.Storage.Volume;

/// <summary>State bits of a shard superblock.</summary>
[Flags]
internal enum SuperblockFlags : uint
{
    None = 0,

    /// <summary>The log was closed in an orderly way: it ends exactly at the durable batch.</summary>
    CleanEnd = 1,

    /// <summary>Lost log records were found and nobody has yet confirmed to have dealt with it.</summary>
    LogDamaged = 2,
}

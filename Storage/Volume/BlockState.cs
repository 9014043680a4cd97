namespace Fastblock.Storage.Volume;

/// <summary>What a block that should hold a label or superblock turned out to be.</summary>
internal enum BlockState : byte
{
    /// <summary>No magic: something else, or nothing.</summary>
    NotThere,

    /// <summary>The magic is right, the checksum is not.</summary>
    Damaged,

    /// <summary>A good block in the wrong place: a write went astray.</summary>
    Misdirected,

    Valid,
}

namespace Fastblock.Roles.Osd;

/// <summary>What one replica asks another one for. Values are on the wire.</summary>
internal enum RepairOp : byte
{
    None = 0,

    /// <summary>The contents of one block.</summary>
    Block = 1,

    /// <summary>The checksums of all blocks of an object.</summary>
    Checksums = 2,

    /// <summary>What a scrub found at its mark.</summary>
    ScrubResult = 3,
}

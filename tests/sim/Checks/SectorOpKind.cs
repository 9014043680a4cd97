namespace Fastblock.Tests.Sim.Checks;

/// <summary>What an operation means for one sector.</summary>
internal enum SectorOpKind : byte
{
    Read,

    /// <summary>Sets the sector to a value.</summary>
    Write,

    /// <summary>May set the sector to zeros, or leave it: a discard of a part of a block.</summary>
    MaybeZero,
}

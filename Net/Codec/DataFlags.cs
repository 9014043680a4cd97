using System;

namespace Fastblock.Net.Codec;

/// <summary>Flags of a <see cref="DataRequest"/>. Unknown bits are refused.</summary>
[Flags]
internal enum DataFlags : byte
{
    None = 0,

    /// <summary>WriteZeroes only: keep the space allocated.</summary>
    NoHole = 1,

    /// <summary>This request was sent before, perhaps to another OSD: for statistics, duplicates are known by sequence.</summary>
    Resent = 2,

    All = NoHole | Resent,
}

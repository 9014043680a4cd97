namespace Fastblock.Roles.Client;

/// <summary>What an <see cref="ImageIo"/> asks of an image.</summary>
internal enum ImageOp : byte
{
    None,
    Read,
    Write,

    /// <summary>The range reads as zeros afterwards and gives its whole blocks back.</summary>
    Discard,

    /// <summary>The range reads as zeros afterwards; with <see cref="ImageIo.NoHole"/> its space stays taken.</summary>
    WriteZeroes,

    /// <summary>Everything acknowledged before is durable; it already is when it is acknowledged.</summary>
    Flush,

    /// <summary>Which blocks of the range have data.</summary>
    BlockMap,
}

namespace Fastblock.Net.Codec;

/// <summary>What a <see cref="DataRequest"/> asks for. Values are on the wire.</summary>
internal enum DataOp : byte
{
    None = 0,

    /// <summary>Makes (image, owner generation) the owner session of this PG; logged. Repeating it is harmless.</summary>
    OpenSession = 1,

    /// <summary>Ends the session; logged. What of it is still under way is never applied afterwards.</summary>
    CloseSession = 2,

    Read = 3,
    Write = 4,

    /// <summary>The range reads as zeros afterwards; whole blocks give their space back.</summary>
    Discard = 5,

    /// <summary>The range reads as zeros afterwards; gives space back unless <see cref="DataFlags.NoHole"/> is set.</summary>
    WriteZeroes = 6,

    /// <summary>Which blocks of the range have data: the answer is a bitmap.</summary>
    BlockMap = 7,
}

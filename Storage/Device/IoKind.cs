namespace Fastblock.Storage.Device;

/// <summary>What an <see cref="IoRequest"/> asks of a device.</summary>
internal enum IoKind : byte
{
    Read,

    /// <summary>Durable only after a later Flush, unless <see cref="IoRequest.Durable"/> is set.</summary>
    Write,

    /// <summary>Makes every write that completed before its submission durable.</summary>
    Flush,

    /// <summary>The range's contents become undefined and its space may be given back.</summary>
    Discard,
}

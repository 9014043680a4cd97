using System;

namespace Fastblock.Storage.Log;

/// <summary>Flags of a record; the values are on disk. An unknown flag makes the record unreadable.</summary>
[Flags]
internal enum LogRecordFlags : ushort
{
    None = 0,

    /// <summary>Entry: the cleaner moved it here; it takes the place of the same entry and cuts nothing.</summary>
    Copy = 1,

    /// <summary>Entry: the payload was already damaged when it was copied; it is not checked again on replay.</summary>
    BadPayload = 2,

    Known = Copy | BadPayload,
}

using System;

namespace Fastblock.Net.Codec;

/// <summary>Flags of a <see cref="DataReply"/>. Unknown bits are ignored.</summary>
[Flags]
internal enum DataReplyFlags : byte
{
    None = 0,

    /// <summary><see cref="DataReply.LeaderHint"/> names an OSD.</summary>
    HasHint = 1,

    /// <summary>Read: every block of the range is a hole, so no payload and no CRCs are sent; the bytes are zeros.</summary>
    Zeroes = 2,
}

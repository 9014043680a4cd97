using System;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>An entry to append. The spans are copied during the call.</summary>
internal readonly ref struct EntryRecord
{
    public required PgId Group { get; init; }

    /// <summary>Must be the incarnation that the group was reset with.</summary>
    public required ulong Incarnation { get; init; }

    /// <summary>At most the group's last index + 1. At or below the last one it cuts off everything from there on.</summary>
    public required ulong Index { get; init; }

    public required ulong Term { get; init; }

    /// <summary>The owner's own; kept and given back.</summary>
    public byte Kind { get; init; }

    /// <summary>The owner's own; at most <see cref="LogLimits.MaxHeaderBytes"/>.</summary>
    public required ReadOnlySpan<byte> Header { get; init; }

    /// <summary>CRC-32C of each payload block, already verified.</summary>
    public ReadOnlySpan<uint> Crcs { get; init; }
}

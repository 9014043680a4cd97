using System;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>An entry met during replay. It may be cut off, superseded or dropped by a later record: what counts at the end is
/// the log's index. Spans are valid during the call.</summary>
internal readonly ref struct ReplayedEntry
{
    public required PgId Group { get; init; }
    public required ulong Incarnation { get; init; }
    public required ulong Index { get; init; }
    public required ulong Term { get; init; }
    public required byte Kind { get; init; }
    public required ReadOnlySpan<byte> Header { get; init; }
    public required ReadOnlySpan<uint> Crcs { get; init; }
    public required int PayloadBytes { get; init; }
    public required LogLocation PayloadAt { get; init; }

    /// <summary>The cleaner moved an existing entry to this place; it does not cut the group's tail.</summary>
    public required bool IsCopy { get; init; }
}

using System;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>An entry as the state machine sees it before it is applied. The header is valid during the call only.</summary>
internal readonly ref struct EntryView
{
    public required LogIndex Index { get; init; }
    public required Term Term { get; init; }
    public required EntryKind Kind { get; init; }

    /// <summary>The operation, in the role's own format.</summary>
    public required ReadOnlySpan<byte> Header { get; init; }

    /// <summary>A multiple of 4096.</summary>
    public required int PayloadBytes { get; init; }
}

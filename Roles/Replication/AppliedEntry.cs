using System;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Replication;

/// <summary>A committed entry. Spans and the payload are valid during the call; retain the payload to keep it.</summary>
internal readonly ref struct AppliedEntry
{
    public required LogIndex Index { get; init; }
    public required Term Term { get; init; }

    /// <summary>The operation, in the role's own format.</summary>
    public required ReadOnlySpan<byte> Header { get; init; }

    /// <summary>Bytes of payload in the log, a multiple of 4096; 0 = none.</summary>
    public required int PayloadBytes { get; init; }

    /// <summary>Where the payload lies in the log; meaningful when <see cref="PayloadBytes"/> > 0.</summary>
    public required LogLocation PayloadAt { get; init; }

    /// <summary>CRC-32C of each payload block.</summary>
    public required ReadOnlySpan<uint> Crcs { get; init; }

    /// <summary>The payload itself when it is still in memory, else null: read it from the log.</summary>
    public PooledBuffer? Payload { get; init; }

    /// <summary>Who proposed the entry on this node, or null. After Apply it gets its OnCommitted.</summary>
    public IProposalWaiter? Waiter { get; init; }
}

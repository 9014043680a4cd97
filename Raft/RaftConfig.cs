using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>One node's settings. Times in nanoseconds of the host's clock; the election timeout must be the same on all
/// members, because leases rest on it.</summary>
internal sealed record RaftConfig
{
    public required NodeId Self { get; init; }

    /// <summary>With what the group was founded, or <see cref="RaftMembers.Unknown"/> on a replica that was made to join it. Not looked
    /// at when <see cref="RaftStart.Configs"/> is given.</summary>
    public required RaftMembers Members { get; init; }

    public long ElectionTimeoutNanos { get; init; } = 500 * Units.NanosPerMilli;
    public long HeartbeatNanos { get; init; } = 100 * Units.NanosPerMilli;

    /// <summary>How far two members' clocks may drift apart within one election timeout.</summary>
    public long DriftNanos { get; init; } = 25 * Units.NanosPerMilli;

    /// <summary>Whether reads may rest on the lease; else every one waits for a round.</summary>
    public bool Lease { get; init; } = true;

    public int WindowEntries { get; init; } = 256;
    public int WindowBytes { get; init; } = (int)(4 * Units.MiB);
    public int MaxUncommittedEntries { get; init; } = 2048;

    /// <summary>For how long the leader's lease lasts from the sending of an acknowledged message on.</summary>
    public long LeaseNanos => ElectionTimeoutNanos - DriftNanos;
}

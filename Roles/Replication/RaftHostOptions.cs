using System;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>Who a <see cref="RaftHost"/> is, and its limits. The simulator sets them tiny.</summary>
internal sealed record RaftHostOptions
{
    /// <summary>This node's number: OSD or monitor id.</summary>
    public required NodeId Self { get; init; }

    /// <summary>Uuid of this node's device or monitor store: what the other members know it by.</summary>
    public required Guid Instance { get; init; }

    /// <summary>Osd or Mon; peers of another role are refused.</summary>
    public required PeerRole Role { get; init; }

    public required Guid Cluster { get; init; }
    public ushort Shard { get; init; }

    /// <summary>A follower campaigns after 1 to 1.5 times this without a leader; a leader without a majority for as long steps
    /// down. The same on every node of the cluster: leases rest on it.</summary>
    public long ElectionTimeoutNanos { get; init; } = 500 * Units.NanosPerMilli;

    /// <summary>Interval of the merged heartbeats between two shards. A quarter of the election timeout or less.</summary>
    public long HeartbeatNanos { get; init; } = 100 * Units.NanosPerMilli;

    /// <summary>How much two clocks may drift apart within one election timeout; leases are shorter by it.</summary>
    public long DriftNanos { get; init; } = 25 * Units.NanosPerMilli;

    /// <summary>False = every read is confirmed by a round of messages (machines whose virtual clock may stop).</summary>
    public bool Lease { get; init; } = true;

    /// <summary>Entries and bytes in flight to one follower of one group.</summary>
    public int WindowEntries { get; init; } = 256;
    public int WindowBytes { get; init; } = (int)(4 * Units.MiB);

    /// <summary>Entries and bytes that a leader proposes ahead of the commit index before TryPropose says Again.</summary>
    public int MaxUncommittedEntries { get; init; } = 2048;
    public long MaxUncommittedBytes { get; init; } = 32 * Units.MiB;

    /// <summary>Reconnect delay after a lost connection: the first, then doubled up to the last.</summary>
    public long ReconnectFirstNanos { get; init; } = 20 * Units.NanosPerMilli;
    public long ReconnectLastNanos { get; init; } = 500 * Units.NanosPerMilli;
}

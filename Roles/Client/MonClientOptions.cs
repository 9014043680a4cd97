using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Client;

/// <summary>Where the monitors are and who asks.</summary>
internal sealed record MonClientOptions
{
    /// <summary>At least one; others are learned from the map.</summary>
    public required IReadOnlyList<NetAddress> Mons { get; init; }

    /// <summary>Those of the newest map of an earlier life; may be empty.</summary>
    public IReadOnlyList<MonInfo> Remembered { get; init; } = [];

    /// <summary>Client, or Osd for an OSD.</summary>
    public PeerRole Role { get; init; } = PeerRole.Client;

    /// <summary>OSD id; 0 for clients.</summary>
    public uint NodeId { get; init; }

    /// <summary>Uuid of this client process, or of the OSD's device. Commands are told apart by it and a counter.</summary>
    public required Guid Instance { get; init; }

    /// <summary>The cluster that it must be; Guid.Empty = whatever the monitors say.</summary>
    public Guid Cluster { get; init; }

    /// <summary>Keep a mirror of the map. Without it only requests work.</summary>
    public bool Watch { get; init; } = true;

    /// <summary>Monitors of an older version are waited for until they have been upgraded. Otherwise they count as refusing.</summary>
    public bool WaitsForOlderMons { get; init; }

    /// <summary>Delay before the next monitor is tried after a failure: the first, doubled up to the last.</summary>
    public long RetryFirstNanos { get; init; } = 20 * Units.NanosPerMilli;
    public long RetryLastNanos { get; init; } = 500 * Units.NanosPerMilli;

    /// <summary>How long a monitor may take to let us in before the next one is tried: one that is cut off says nothing at all.
    /// Doubles, up to <see cref="ConnectLastNanos"/>, with every round in which none did.</summary>
    public long ConnectNanos { get; init; } = Units.NanosPerSecond;

    /// <inheritdoc cref="ConnectNanos"/>
    public long ConnectLastNanos { get; init; } = 5 * Units.NanosPerSecond;

    /// <summary>How long one monitor may take to answer before another attempt is made (within the caller's time-out).</summary>
    public long AttemptNanos { get; init; } = 3 * Units.NanosPerSecond;
}

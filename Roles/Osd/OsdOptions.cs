using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Osd;

/// <summary>What an OSD needs to know beside its device. The simulator sets the limits tiny.</summary>
internal sealed record OsdOptions
{
    /// <summary>Monitors to ask first; others are learned from the map.</summary>
    public required IReadOnlyList<NetAddress> Mons { get; init; }

    /// <summary>Where it listens; port 0 = any. Clients come to the first, other OSDs to the second; one listener if equal.</summary>
    public required NetAddress PublicAddress { get; init; }
    public required NetAddress ClusterAddress { get; init; }

    /// <summary>Failure domains, told to the monitors at boot; empty = as the monitors know it.</summary>
    public string Host { get; init; } = "";
    public string Rack { get; init; } = "";

    public long HeartbeatNanos { get; init; } = 500 * Units.NanosPerMilli;

    /// <summary>How long to wait for the monitors' greeting before anything is written to the device, since it may belong to another
    /// cluster; 0 = not at all. Without monitors the OSD starts all the same.</summary>
    public long GreetFirstNanos { get; init; }

    /// <summary>Commit indexes and space of PGs in which nothing else changed are reported this often.</summary>
    public long FullReportNanos { get; init; } = 5 * Units.NanosPerSecond;

    /// <summary>Operations of clients under way in one shard; more are told to come again.</summary>
    public int MaxOps { get; init; } = 4096;

    public long ElectionTimeoutNanos { get; init; } = 500 * Units.NanosPerMilli;
    public long RaftHeartbeatNanos { get; init; } = 100 * Units.NanosPerMilli;

    /// <summary>False = every read is confirmed by a majority: for machines whose clock may stop (suspended guests).</summary>
    public bool Lease { get; init; } = true;

    /// <summary>Time in which every object is scrubbed once; 0 = only when asked for.</summary>
    public long ScrubIntervalNanos { get; init; } = 7 * 24 * 3600 * Units.NanosPerSecond;

    /// <summary>How fast a shard reads for scrubs.</summary>
    public long ScrubBytesPerSecond { get; init; } = 32 * Units.MiB;

    public DiskLogOptions Log { get; init; } = new();
}

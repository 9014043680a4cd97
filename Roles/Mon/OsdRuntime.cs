using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;

namespace Fastblock.Roles.Mon;

/// <summary>What the leading monitor heard from one OSD lately; not replicated, a new leader starts empty.</summary>
internal sealed class OsdRuntime
{
    public OsdId Id { get; init; }

    /// <summary>When it was last heard, or the leader's term began: whichever is later.</summary>
    public long HeardNanos { get; set; }

    /// <summary>A full heartbeat has come since this monitor leads.</summary>
    public bool HasStats { get; set; }

    public long SizeBytes { get; set; }
    public long UsedBytes { get; set; }
    public uint Corruptions { get; set; }

    /// <summary>It says itself that it takes no new data.</summary>
    public bool HasNoRoom { get; set; }

    /// <summary>By PG.</summary>
    public SortedDictionary<ulong, PgStat> Pgs { get; } = [];

    /// <summary>Another device that came under this OSD's id; Guid.Empty = none.</summary>
    public Guid Impostor { get; set; }
}

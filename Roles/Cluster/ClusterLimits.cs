using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>Bounds of what a cluster may consist of: commands beyond them are refused, records beyond them are not read.</summary>
internal static class ClusterLimits
{
    /// <summary>Shards of one OSD: a byte's worth of cores is far beyond a machine for one device.</summary>
    public const int MaxShards = 64;

    /// <summary>OSDs ever made; ids are never re-used.</summary>
    public const uint MaxOsds = 4096;

    public const uint MaxPools = 1024;

    /// <summary>PGs of one pool: more would make heartbeats and the map unwieldy.</summary>
    public const int MaxPgsPerPool = 16384;

    public const int MaxReplicas = 5;

    /// <summary>Of an OSD: an exabyte in MiB. Products of weights and PG counts stay within 128 bits.</summary>
    public const ulong MaxWeight = 1UL << 40;

    /// <summary>Images with their names in the map, purging ones included.</summary>
    public const int MaxImages = 100_000;

    public const int MaxNameChars = 64;

    /// <summary>Longest text that a peer may make us keep: hosts, racks, descriptions.</summary>
    public const int MaxTextChars = 128;

    public const long MaxImageBytes = 64 * Units.TiB;
    public const int DefaultObjectBytes = (int)(4 * Units.MiB);
    public const int MinObjectBytes = (int)(64 * Units.KiB);

    /// <summary>One checksum block of 4 KiB covers 1,024 blocks: exactly this.</summary>
    public const int MaxObjectBytes = (int)(4 * Units.MiB);
}

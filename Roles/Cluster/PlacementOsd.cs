using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>An OSD as placement sees it.</summary>
/// <param name="Weight">Its share relative to others, > 0.</param>
/// <param name="Domain">Name of the failure domain: two replicas of a PG are never in the same.</param>
internal readonly record struct PlacementOsd(OsdId Id, ulong Weight, string Domain);

using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>A PG as <see cref="Rebalancer"/> sees it.</summary>
/// <param name="Shard">Where it lives on every OSD: never changes.</param>
/// <param name="Target">Who should hold it at present.</param>
/// <param name="Holding">Who has at least a part of its data beside them.</param>
internal readonly record struct RebalancePg(int Shard, IReadOnlyList<OsdId> Target, IReadOnlyList<OsdId> Holding);

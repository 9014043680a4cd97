using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>
/// Where the PGs of one pool should go now that OSDs came, went, or weigh something else: so that
/// <list type="bullet">
/// <item>replicas of a PG are in different failure domains;</item>
/// <item>every OSD holds its share by weight (<see cref="PlacementTargets"/>) rounded down or up, on each shard and over the whole
/// pool, and every failure domain over the whole pool;</item>
/// <item>as few replicas as possible move.</item>
/// </list>
/// <para>It is a flow of minimal cost: from each PG as many units as it has replicas, at most one into each failure domain, on to a
/// place (OSD, shard), its OSD, its domain, with the shares as bounds. A replica that stays costs nothing, one that goes where some of
/// the data lie already 1, any other 2. Taking the shares as fractions fulfils all bounds, so a flow of whole numbers does too.
/// It begins with what is there, which costs nothing, and repairs one bound after the other along the cheapest path (see
/// <see cref="RebalanceFlow"/>): so nothing moves that need not, and a second run on the result changes nothing.</para>
/// <para>Pure and deterministic: the same input gives the same plan.</para>
/// </summary>
internal static class Rebalancer
{
    /// <summary>Plans the targets of a pool's PGs.</summary>
    /// <param name="osds">Those that may hold replicas: in, with weights above zero, in order of id.</param>
    /// <param name="pgs">All PGs of the pool.</param>
    /// <param name="replicas">Of each PG.</param>
    /// <param name="shards">Of each OSD.</param>
    /// <param name="existing">Whether an OSD that is not among <paramref name="osds"/> may keep what it has when there is no other place
    /// for it.</param>
    /// <returns>By PG: who should hold it, in order of id.</returns>
    public static OsdId[][] Plan(IReadOnlyList<PlacementOsd> osds, IReadOnlyList<RebalancePg> pgs, int replicas, int shards,
        Func<OsdId, bool> existing)
    {
        PlacementTargets targets = new(osds);
        int placed = Math.Min(replicas, targets.DomainCount);
        RebalanceFlow flow = new(osds, targets, pgs, placed, shards);
        flow.Run();
        OsdId[][] plan = new OsdId[pgs.Count][];
        for (int p = 0; p < plan.Length; p++)
        {
            List<OsdId> members = flow.MembersOf(p);
            KeepOthers(members, pgs[p], replicas, existing);
            members.Sort((a, b) => a.Value.CompareTo(b.Value));
            plan[p] = [.. members];
        }
        return plan;
    }

    /// <summary>Too few failure domains: what has no other place stays where it is, rather than being one less.</summary>
    private static void KeepOthers(List<OsdId> members, RebalancePg pg, int replicas, Func<OsdId, bool> existing)
    {
        foreach (OsdId osd in pg.Target)
        {
            if (members.Count >= replicas) { return; }
            if (!members.Contains(osd) && existing(osd)) { members.Add(osd); }
        }
    }
}

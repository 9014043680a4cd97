using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>
/// Places the PGs of a new pool. PG n lives on shard (first shard + n) mod shards; of the PGs of one shard every OSD gets its
/// share (<see cref="PlacementTargets"/>) rounded down or up, replicas of one PG are in different failure domains, and
/// which domains meet is drawn at random by what they still have to take, so that the partners of a lost OSD are many.
/// <para>That this never gets stuck: with r PGs left, a choice of domains is completable if and only if no domain still has
/// to take more than r (Gale and Ryser); so domains that have to take exactly r are taken first, the rest is free.</para>
/// </summary>
internal static class PoolPlacer
{
    /// <param name="osds">Those that are in, with weights above zero, in order of id.</param>
    /// <param name="firstShard">Shard of PG 0: spreads pools with few PGs.</param>
    /// <returns>Null when there are fewer failure domains than replicas.</returns>
    public static PlacementPlan? TryPlace(IReadOnlyList<PlacementOsd> osds, int pgCount, int replicas, int shards,
        int firstShard, Prng prng)
    {
        PlacementTargets targets = new(osds);
        if (targets.DomainCount < replicas) { return null; }
        int[][] members = new int[pgCount][];
        int[] shardOf = new int[pgCount];
        for (int n = 0; n < pgCount; n++) { shardOf[n] = (firstShard + n) % shards; }
        for (int shard = 0; shard < shards; shard++)
        {
            List<int> pgs = [];
            for (int n = 0; n < pgCount; n++)
            {
                if (shardOf[n] == shard) { pgs.Add(n); }
            }
            PlaceGroup(pgs, targets, replicas, members, prng);
        }
        return new PlacementPlan
        {
            Members = members,
            Shards = shardOf,
            Leaders = LeaderSpread.Choose(members, shardOf, osds.Count, shards),
        };
    }

    private static void PlaceGroup(List<int> pgs, PlacementTargets targets, int replicas, int[][] members, Prng prng)
    {
        int[] osdLeft = targets.Take(pgs.Count, replicas);
        int[] domainLeft = new int[targets.DomainCount];
        for (int o = 0; o < osdLeft.Length; o++) { domainLeft[targets.DomainOf[o]] += osdLeft[o]; }
        bool[] taken = new bool[domainLeft.Length];
        for (int i = 0; i < pgs.Count; i++)
        {
            int pgsLeft = pgs.Count - i;
            int[] chosen = new int[replicas];
            Array.Clear(taken);
            for (int r = 0; r < replicas; r++)
            {
                int domain = ChooseDomain(domainLeft, taken, pgsLeft, prng);
                taken[domain] = true;
                chosen[r] = ChooseOsd(osdLeft, targets.DomainOf, domain, domainLeft[domain], prng);
                osdLeft[chosen[r]]--;
            }
            for (int d = 0; d < taken.Length; d++) { domainLeft[d] -= taken[d] ? 1 : 0; }
            Array.Sort(chosen);
            members[pgs[i]] = chosen;
        }
    }

    private static int ChooseDomain(int[] left, bool[] taken, int pgsLeft, Prng prng)
    {
        int total = 0;
        for (int d = 0; d < left.Length; d++)
        {
            if (taken[d]) { continue; }
            if (left[d] == pgsLeft) { return d; }
            total += left[d];
        }
        int at = prng.Below(total);
        for (int d = 0; ; d++)
        {
            if (taken[d]) { continue; }
            if (at < left[d]) { return d; }
            at -= left[d];
        }
    }

    private static int ChooseOsd(int[] left, ReadOnlySpan<int> domainOf, int domain, int domainLeft, Prng prng)
    {
        int at = prng.Below(domainLeft);
        for (int o = 0; ; o++)
        {
            if (domainOf[o] != domain) { continue; }
            if (at < left[o]) { return o; }
            at -= left[o];
        }
    }
}

using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Roles.Cluster;

namespace Fastblock.Tests.Unit.Cluster;

/// <summary>A pool on a random cluster that changes, and the least that a change must move.</summary>
internal sealed class RebalanceCase
{
    private readonly Prng _prng;
    private uint _nextId;

    public RebalanceCase(ulong seed, int maxPgs)
    {
        _prng = new Prng(seed);
        int[] allReplicas = [1, 3, 3, 5];
        Replicas = allReplicas[_prng.Below(4)];
        int domains = Replicas + 1 + _prng.Below(5);
        int osds = domains + _prng.Below(8);
        Shards = 1 + _prng.Below(4);
        int pgs = 1 << _prng.Below(int.Log2(maxPgs) + 1);
        for (int i = 0; i < osds; i++) { Add($"h{(i < domains ? i : _prng.Below(domains)):d2}"); }
        PlacementPlan plan = PoolPlacer.TryPlace(Osds, pgs, Replicas, Shards, _prng.Below(Shards), _prng)!;
        for (int p = 0; p < pgs; p++)
        {
            Pgs.Add(new RebalancePg(plan.Shards[p], [.. plan.Members[p].Select(o => Osds[o].Id)], []));
        }
        Replan();
    }

    public List<PlacementOsd> Osds { get; private set; } = [];
    public List<RebalancePg> Pgs { get; } = [];
    public int Replicas { get; }
    public int Shards { get; }

    private bool IsEqual => _prng.Chance(500_000);

    public void Add(string domain) =>
        Osds.Add(new PlacementOsd(new OsdId(_nextId++), IsEqual ? 1000 : (ulong)_prng.Between(300, 3000), domain));

    /// <summary>One to three OSDs come, go, weigh something else or stand somewhere else.</summary>
    public void Disturb()
    {
        for (int n = 1 + _prng.Below(3); n > 0; n--)
        {
            int at = _prng.Below(Osds.Count);
            switch (_prng.Below(4))
            {
                case 0: Add($"h{_prng.Below(12):d2}"); break;
                case 1: Osds[at] = Osds[at] with { Weight = (ulong)_prng.Between(100, 3000) }; break;
                case 2: Osds[at] = Osds[at] with { Domain = $"h{_prng.Below(12):d2}" }; break;
                case 3 when Osds.Count > 1: Osds.RemoveAt(at); break;
                default: break;
            }
        }
        while (Osds.Select(o => o.Domain).Distinct().Count() < Replicas) { Add($"new{_nextId:d4}"); }
    }

    /// <returns>How many replicas moved.</returns>
    public int Replan()
    {
        OsdId[][] plan = Plan();
        int moved = 0;
        for (int p = 0; p < plan.Length; p++)
        {
            moved += plan[p].Count(osd => !Pgs[p].Target.Contains(osd));
            Pgs[p] = Pgs[p] with { Target = plan[p] };
        }
        return moved;
    }

    public OsdId[][] Plan() => Rebalancer.Plan(Osds, Pgs, Replicas, Shards, _ => true);

    /// <summary>The least number of replicas that have to move, found by another program than the planner.</summary>
    public int LeastMoves()
    {
        PlacementTargets targets = new(Osds);
        int domains = targets.DomainCount, places = Osds.Count * Shards;
        int firstPair = Pgs.Count, firstPlace = firstPair + (Pgs.Count * domains), firstOsd = firstPlace + places;
        int firstDomain = firstOsd + Osds.Count, root = firstDomain + domains;
        MinCostFlow flow = new(root + 1);
        flow.Supply(root, -Pgs.Count * Replicas);
        for (int p = 0; p < Pgs.Count; p++)
        {
            flow.Supply(p, Replicas);
            for (int d = 0; d < domains; d++) { flow.Edge(p, firstPair + (p * domains) + d, 0, 1, 0); }
            for (int o = 0; o < Osds.Count; o++)
            {
                int pair = firstPair + (p * domains) + targets.DomainOf[o];
                flow.Edge(pair, firstPlace + (o * Shards) + Pgs[p].Shard, 0, 1, Pgs[p].Target.Contains(Osds[o].Id) ? 0 : 1);
            }
        }
        (ShareBounds[] whole, ShareBounds[] domainBounds) = targets.Bounds(Pgs.Count, Replicas);
        for (int o = 0; o < Osds.Count; o++)
        {
            for (int s = 0; s < Shards; s++)
            {
                ShareBounds share = targets.Bounds(Pgs.Count(pg => pg.Shard == s), Replicas).Osds[o];
                flow.Edge(firstPlace + (o * Shards) + s, firstOsd + o, share.Low, share.High, 0);
            }
            flow.Edge(firstOsd + o, firstDomain + targets.DomainOf[o], whole[o].Low, whole[o].High, 0);
        }
        for (int d = 0; d < domains; d++) { flow.Edge(firstDomain + d, root, domainBounds[d].Low, domainBounds[d].High, 0); }
        return flow.Solve() ?? throw new InvalidOperationException("there is no placement");
    }
}

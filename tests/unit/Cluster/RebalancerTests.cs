using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Roles.Cluster;
using Xunit;

namespace Fastblock.Tests.Unit.Cluster;

/// <summary>The planner of moves against its promises, over random clusters that change.</summary>
public sealed class RebalancerTests
{
    public static TheoryData<ulong> Seeds(int count)
    {
        TheoryData<ulong> seeds = [];
        for (ulong seed = 1; seed <= (ulong)count; seed++) { seeds.Add(seed); }
        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds), 100)]
    public void After_every_change_shares_and_failure_domains_are_kept(ulong seed)
    {
        RebalanceCase c = new(seed, maxPgs: 256);
        AssertGood(c);
        for (int round = 0; round < 4; round++)
        {
            c.Disturb();
            _ = c.Replan();
            AssertGood(c);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds), 60)]
    public void No_fewer_replicas_could_have_moved(ulong seed)
    {
        RebalanceCase c = new(seed, maxPgs: 16);
        for (int round = 0; round < 3; round++)
        {
            c.Disturb();
            int least = c.LeastMoves();
            Assert.Equal(least, c.Replan());
        }
    }

    [Theory]
    [MemberData(nameof(Seeds), 60)]
    public void A_plan_that_is_carried_out_is_the_last_and_the_same_input_gives_the_same_plan(ulong seed)
    {
        RebalanceCase c = new(seed, maxPgs: 128);
        c.Disturb();
        OsdId[][] first = c.Plan();
        OsdId[][] again = c.Plan();
        Assert.Equal(first, again);
        _ = c.Replan();
        Assert.Equal(0, c.Replan());
    }

    [Theory]
    [MemberData(nameof(Seeds), 40)]
    public void Carried_out_pg_by_pg_and_planned_anew_each_time_it_moves_no_more_than_at_once(ulong seed)
    {
        RebalanceCase c = new(seed, maxPgs: 32);
        c.Disturb();
        int least = Differences(c, c.Plan());
        Prng prng = new(seed);
        int moved = 0;
        for (int step = 0; step < 1000; step++)
        {
            OsdId[][] plan = c.Plan();
            List<int> due = [.. Enumerable.Range(0, plan.Length).Where(p => !plan[p].SequenceEqual(c.Pgs[p].Target))];
            if (due.Count == 0) { break; }
            int pg = due[prng.Below(due.Count)];
            moved += plan[pg].Count(osd => !c.Pgs[pg].Target.Contains(osd));
            c.Pgs[pg] = c.Pgs[pg] with { Target = plan[pg] };
        }
        Assert.Equal(least, moved);
        AssertGood(c);
    }

    [Theory]
    [InlineData(3, 64, 4)]
    [InlineData(5, 128, 2)]
    [InlineData(10, 512, 8)]
    public void A_new_osd_among_equal_ones_takes_its_share_and_nothing_else_moves(int osds, int pgs, int shards)
    {
        List<PlacementOsd> all = Equal(osds);
        List<RebalancePg> placed = Place(all, pgs, shards);
        all.Add(new PlacementOsd(new OsdId((uint)osds), 100, $"h{osds}"));
        OsdId[][] plan = Rebalancer.Plan(all, placed, 3, shards, _ => true);
        int moved = plan.Select((members, p) => members.Count(osd => !placed[p].Target.Contains(osd))).Sum();
        int share = plan.Count(members => members.Contains(new OsdId((uint)osds)));
        Assert.InRange(share, pgs * 3 / (osds + 1), (pgs * 3 / (osds + 1)) + 1);
        Assert.Equal(share, moved);
    }

    [Theory]
    [InlineData(4, 64, 4)]
    [InlineData(10, 512, 8)]
    public void When_an_osd_goes_only_its_replicas_move_and_they_spread_over_all_others(int osds, int pgs, int shards)
    {
        List<PlacementOsd> all = Equal(osds);
        List<RebalancePg> placed = Place(all, pgs, shards);
        int held = placed.Count(pg => pg.Target.Contains(new OsdId(0)));
        all.RemoveAt(0);
        OsdId[][] plan = Rebalancer.Plan(all, placed, 3, shards, _ => true);
        Assert.Equal(held, plan.Select((members, p) => members.Count(osd => !placed[p].Target.Contains(osd))).Sum());
        Assert.DoesNotContain(plan, members => members.Contains(new OsdId(0)));
    }

    [Fact]
    public void What_has_no_other_failure_domain_to_go_to_stays_where_it_is()
    {
        List<PlacementOsd> all = Equal(3);
        List<RebalancePg> placed = Place(all, 16, 2);
        all.RemoveAt(2);
        Assert.All(Rebalancer.Plan(all, placed, 3, 2, _ => true), members => Assert.Equal([0u, 1, 2], members.Select(o => o.Value)));
        Assert.All(Rebalancer.Plan(all, placed, 3, 2, _ => false), members => Assert.Equal([0u, 1], members.Select(o => o.Value)));
    }

    [Fact]
    public void An_osd_that_has_the_data_already_is_taken_before_one_that_has_not()
    {
        List<PlacementOsd> all = Equal(6);
        List<RebalancePg> placed = [new(0, [new OsdId(0), new OsdId(1), new OsdId(9)], [new OsdId(4)])];
        Assert.Equal([0u, 1, 4], Rebalancer.Plan(all, placed, 3, 1, _ => true)[0].Select(o => o.Value));
    }

    [Fact]
    public void An_osd_that_is_not_in_any_more_is_left_even_by_a_pool_of_one_replica()
    {
        List<PlacementOsd> all = Equal(2);
        List<RebalancePg> placed = [new(0, [new OsdId(7)], [])];
        OsdId[] members = Rebalancer.Plan(all, placed, 1, 1, _ => true)[0];
        Assert.True(members is [{ Value: 0 or 1 }]);
    }

    private static int Differences(RebalanceCase c, OsdId[][] plan) =>
        plan.Select((members, p) => members.Count(osd => !c.Pgs[p].Target.Contains(osd))).Sum();

    private static List<PlacementOsd> Equal(int osds) =>
        [.. Enumerable.Range(0, osds).Select(i => new PlacementOsd(new OsdId((uint)i), 100, $"h{i}"))];

    private static List<RebalancePg> Place(List<PlacementOsd> osds, int pgs, int shards)
    {
        PlacementPlan plan = PoolPlacer.TryPlace(osds, pgs, 3, shards, 0, new Prng(7))!;
        List<RebalancePg> placed = [];
        for (int p = 0; p < pgs; p++)
        {
            placed.Add(new RebalancePg(plan.Shards[p], [.. plan.Members[p].Select(o => osds[o].Id)], []));
        }
        OsdId[][] even = Rebalancer.Plan(osds, placed, 3, shards, _ => true);
        return [.. placed.Select((pg, p) => pg with { Target = even[p] })];
    }

    private static void AssertGood(RebalanceCase c)
    {
        PlacementTargets targets = new(c.Osds);
        Dictionary<OsdId, int> index = c.Osds.Select((osd, o) => (osd.Id, o)).ToDictionary();
        int[] total = new int[c.Osds.Count];
        for (int s = 0; s < c.Shards; s++)
        {
            int[] held = new int[c.Osds.Count];
            List<RebalancePg> pgs = [.. c.Pgs.Where(pg => pg.Shard == s)];
            foreach (RebalancePg pg in pgs)
            {
                Assert.Equal(c.Replicas, pg.Target.Select(osd => c.Osds[index[osd]].Domain).Distinct().Count());
                Assert.Equal(c.Replicas, pg.Target.Count);
                foreach (OsdId osd in pg.Target)
                {
                    held[index[osd]]++;
                    total[index[osd]]++;
                }
            }
            AssertShares(targets.ExactShares(pgs.Count, c.Replicas), held);
        }
        AssertShares(targets.ExactShares(c.Pgs.Count, c.Replicas), total);
    }

    private static void AssertShares(double[] exact, int[] held)
    {
        for (int o = 0; o < held.Length; o++)
        {
            Assert.InRange(held[o], Math.Floor(exact[o] - 1e-6), Math.Ceiling(exact[o] + 1e-6));
        }
    }
}

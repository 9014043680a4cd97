using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Roles.Cluster;
using Xunit;

namespace Fastblock.Tests.Unit.Cluster;

/// <summary>Placement against its promises, over random clusters.</summary>
public sealed class PlacementTests
{
    public static TheoryData<ulong> Seeds()
    {
        TheoryData<ulong> seeds = [];
        for (ulong seed = 1; seed <= 150; seed++) { seeds.Add(seed); }
        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_osd_gets_its_share_rounded_down_or_up_on_every_shard(ulong seed)
    {
        Case c = new(seed);
        PlacementPlan plan = c.Place();
        PlacementTargets targets = new(c.Osds);
        for (int shard = 0; shard < c.Shards; shard++)
        {
            int[] held = new int[c.Osds.Count];
            int pgs = 0;
            for (int n = 0; n < c.PgCount; n++)
            {
                if (plan.Shards[n] != shard) { continue; }
                pgs++;
                foreach (int o in plan.Members[n]) { held[o]++; }
            }
            double[] exact = targets.ExactShares(pgs, c.Replicas);
            for (int o = 0; o < held.Length; o++)
            {
                Assert.InRange(held[o], Math.Floor(exact[o] - 1e-6), Math.Ceiling(exact[o] + 1e-6));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Replicas_of_a_pg_are_in_different_failure_domains(ulong seed)
    {
        Case c = new(seed);
        foreach (int[] members in c.Place().Members)
        {
            Assert.Equal(c.Replicas, members.Select(o => c.Osds[o].Domain).Distinct().Count());
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Shards_and_leaders_are_spread_to_within_one(ulong seed)
    {
        Case c = new(seed);
        PlacementPlan plan = c.Place();
        int[] perShard = new int[c.Shards];
        int[,] held = new int[c.Osds.Count, c.Shards];
        int[,] led = new int[c.Osds.Count, c.Shards];
        for (int n = 0; n < c.PgCount; n++)
        {
            perShard[plan.Shards[n]]++;
            Assert.Contains(plan.Leaders[n], plan.Members[n]);
            led[plan.Leaders[n], plan.Shards[n]]++;
            foreach (int o in plan.Members[n]) { held[o, plan.Shards[n]]++; }
        }
        Assert.InRange(perShard.Max() - perShard.Min(), 0, 1);
        for (int o = 0; o < c.Osds.Count; o++)
        {
            int heldAll = 0, ledAll = 0;
            for (int s = 0; s < c.Shards; s++)
            {
                AssertShare(held[o, s], led[o, s], c.Replicas);
                heldAll += held[o, s];
                ledAll += led[o, s];
            }
            AssertShare(heldAll, ledAll, c.Replicas);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void The_shares_of_all_shards_together_stay_close_to_the_exact_one(ulong seed)
    {
        Case c = new(seed);
        PlacementPlan plan = c.Place();
        double[] exact = new double[c.Osds.Count];
        PlacementTargets targets = new(c.Osds);
        for (int s = 0; s < c.Shards; s++)
        {
            double[] part = targets.ExactShares(plan.Shards.Count(shard => shard == s), c.Replicas);
            for (int o = 0; o < exact.Length; o++) { exact[o] += part[o]; }
        }
        for (int o = 0; o < exact.Length; o++)
        {
            int held = plan.Members.Count(members => members.Contains(o));
            Assert.InRange(held, exact[o] - 3, exact[o] + 3);
        }
    }

    [Fact]
    public void A_heavy_failure_domain_takes_no_more_than_one_replica_of_each_pg()
    {
        List<PlacementOsd> osds =
        [
            new(new OsdId(0), 1_000_000, "a"), new(new OsdId(1), 1, "b"), new(new OsdId(2), 1, "c"), new(new OsdId(3), 2, "d"),
        ];
        int[] counts = new PlacementTargets(osds).Take(64, 3);
        Assert.Equal(64, counts[0]);
        Assert.Equal(32, counts[1]);
        Assert.Equal(32, counts[2]);
        Assert.Equal(64, counts[3]);
    }

    [Fact]
    public void Three_equal_hosts_hold_every_pg_and_lead_a_third()
    {
        List<PlacementOsd> osds = [];
        for (uint i = 0; i < 3; i++) { osds.Add(new PlacementOsd(new OsdId(i), 100, $"h{i}")); }
        PlacementPlan plan = PoolPlacer.TryPlace(osds, 128, 3, 2, 0, new Prng(1))!;
        Assert.All(plan.Members, members => Assert.Equal([0, 1, 2], members));
        for (int o = 0; o < 3; o++) { Assert.InRange(plan.Leaders.Count(leader => leader == o), 42, 43); }
    }

    [Fact]
    public void Fewer_failure_domains_than_replicas_cannot_be_placed_on()
    {
        List<PlacementOsd> osds = [];
        for (uint i = 0; i < 6; i++) { osds.Add(new PlacementOsd(new OsdId(i), 1, $"h{i % 2}")); }
        Assert.Null(PoolPlacer.TryPlace(osds, 8, 3, 1, 0, new Prng(1)));
    }

    [Theory]
    [InlineData(1UL, 0U, 128, 30U)]
    [InlineData(1UL, 1U, 128, 3U)]
    [InlineData(2UL, 0U, 128, 52U)]
    [InlineData(0x0123_4567_89AB_CDEFUL, 77U, 16384, 8016U)]
    public void The_object_hash_never_changes(ulong image, uint index, int pgCount, uint expected) =>
        Assert.Equal(expected, Placement.PgNumber(new ObjectId(new ImageId(image), index), pgCount));

    [Fact]
    public void Doubling_the_pgs_moves_an_object_only_to_the_new_half()
    {
        for (uint i = 0; i < 10_000; i++)
        {
            ObjectId target = new(new ImageId(7), i);
            Assert.Equal(Placement.PgNumber(target, 64), Placement.PgNumber(target, 128) % 64);
        }
    }

    [Fact]
    public void Objects_of_one_image_spread_over_all_pgs()
    {
        int[] count = new int[128];
        for (uint i = 0; i < 128 * 256; i++) { count[Placement.PgNumber(new ObjectId(new ImageId(3), i), 128)]++; }
        Assert.InRange(count.Min(), 256 - 80, 256); // five standard deviations
        Assert.InRange(count.Max(), 256, 256 + 80);
    }

    private static void AssertShare(int held, int led, int replicas) =>
        Assert.InRange(led, held / replicas, (held + replicas - 1) / replicas);

    private sealed class Case
    {
        private readonly Prng _prng;

        public Case(ulong seed)
        {
            _prng = new Prng(seed);
            int[] allReplicas = [1, 3, 5];
            Replicas = allReplicas[_prng.Below(3)];
            int domains = Replicas + _prng.Below(8);
            int osds = domains + _prng.Below(20);
            bool equal = _prng.Chance(400_000);
            for (int i = 0; i < osds; i++)
            {
                ulong weight = equal ? 1000 : (ulong)_prng.Between(1, _prng.Chance(100_000) ? 100_000 : 1000);
                Osds.Add(new PlacementOsd(new OsdId((uint)i), weight, $"h{(i < domains ? i : _prng.Below(domains))}"));
            }
            PgCount = 1 << _prng.Below(10);
            Shards = 1 + _prng.Below(8);
        }

        public List<PlacementOsd> Osds { get; } = [];
        public int Replicas { get; }
        public int PgCount { get; }
        public int Shards { get; }

        public PlacementPlan Place() =>
            PoolPlacer.TryPlace(Osds, PgCount, Replicas, Shards, _prng.Below(Shards), _prng)!;
    }
}

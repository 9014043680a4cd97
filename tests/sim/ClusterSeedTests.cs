using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Cluster;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: whatever happens to machines, links and disks, no acknowledged write is lost, no read is stale, and the cluster
/// comes back. Method: see <see cref="ClusterScenario"/>; each seed draws its own cluster, limits, work and trouble.</summary>
public sealed class ClusterSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("cluster");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Clusters_keep_what_they_acknowledged(ulong seed) =>
        FixedSeeds.Check("cluster", seed);

    /// <summary>Seeds with different draws; a short trouble shows a difference as well as a long one.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(14)]
    [InlineData(58)]
    public void The_same_seed_twice_is_the_same_run(ulong seed)
    {
        SimResult first = RunShort(seed);
        SimResult second = RunShort(seed);
        Assert.Equal((first.TraceHash, first.Events, first.Failure), (second.TraceHash, second.Events, second.Failure));
        Assert.NotEqual(first.TraceHash, RunShort(seed + 1).TraceHash);
    }

    private static SimResult RunShort(ulong seed) => SimRunner.Run("cluster-short", seed, world => new ClusterScenario(world, draw => draw with
    {
        TroubleNanos = 2 * Units.NanosPerSecond,
    }));
}

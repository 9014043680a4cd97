using System.Collections.Generic;
using Fastblock.Tests.Sim.Cluster;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: whatever happens to machines, links and disks, no acknowledged write is lost, no read is stale, and the cluster
/// comes back. Method: see <see cref="ClusterScenario"/>; each seed draws its own cluster, limits, work and trouble.</summary>
public sealed class ClusterSeedTests
{
    /// <summary>Seeds beyond the range that have found something; docs/testing.md says what.</summary>
    private static readonly ulong[] Found = [108, 120, 167, 187];

    public static IEnumerable<object[]> Seeds()
    {
        foreach (ulong seed in SimRunner.Seeds(1, 102)) { yield return [seed]; }
        if (SimRunner.IsChosen) { yield break; }
        foreach (ulong seed in Found) { yield return [seed]; }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Clusters_keep_what_they_acknowledged(ulong seed) =>
        _ = SimRunner.Check("cluster", seed, world => new ClusterScenario(world));
}

using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: while monitors are added, removed and replaced under faults, clients and OSDs go on, no id is given twice, nothing
/// acknowledged is lost, and all monitors end with the same store. Method: see <see cref="Cluster.MonitorChangeScenario"/>.</summary>
public sealed class MonitorChangeSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("monchanges");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Monitors_come_and_go_and_the_cluster_does_not_notice(ulong seed) => FixedSeeds.Check("monchanges", seed);
}

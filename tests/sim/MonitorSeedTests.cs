using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: a monitor whose device came back empty neither makes a majority nor a second cluster: no id is given twice, no owner
/// generation goes back. Method: see <see cref="Cluster.MonitorScenario"/>.</summary>
public sealed class MonitorSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("monitors");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void No_id_is_given_twice_by_monitors_that_lost_a_device(ulong seed) => FixedSeeds.Check("monitors", seed);
}

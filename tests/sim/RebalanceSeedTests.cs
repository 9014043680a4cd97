using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: data follow OSDs that come, go and change, and nothing acknowledged is lost on the way. Method: see
/// <see cref="Cluster.RebalanceScenario"/>.</summary>
public sealed class RebalanceSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("rebalance");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Data_move_to_where_the_operator_wants_them_under_faults(ulong seed) => FixedSeeds.Check("rebalance", seed);
}

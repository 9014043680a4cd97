using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: whatever the medium of one OSD does, nobody is ever given wrong data, and nothing acknowledged is lost. Method:
/// see <see cref="Cluster.DamageScenario"/>.</summary>
public sealed class DamageSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("damage");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_damaged_device_costs_neither_errors_nor_data(ulong seed) => FixedSeeds.Check("damage", seed);
}

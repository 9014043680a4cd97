using System.Collections.Generic;
using Fastblock.Tests.Sim.Groups;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: replication never loses an acknowledged command, never shows an old one, and comes back by itself. Method:
/// see <see cref="GroupsScenario"/>; each seed draws its own cluster, limits and trouble.</summary>
public sealed class GroupSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("groups");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Groups_keep_what_they_acknowledged_and_agree(ulong seed) =>
        FixedSeeds.Check("groups", seed);

    [Fact]
    public void The_same_seed_twice_is_the_same_run()
    {
        SimResult first = SimRunner.Run("groups", 7, world => new GroupsScenario(world));
        SimResult second = SimRunner.Run("groups", 7, world => new GroupsScenario(world));
        Assert.Equal((first.TraceHash, first.Events, first.Failure), (second.TraceHash, second.Events, second.Failure));
    }
}

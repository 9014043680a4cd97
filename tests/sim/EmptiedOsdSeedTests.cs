using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: an OSD whose device came back empty never helps a stale replica to a majority. Method: see
/// <see cref="Cluster.EmptiedOsdScenario"/>; each seed draws its own cluster, limits and work.</summary>
public sealed class EmptiedOsdSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("emptied");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Nothing_is_served_on_the_word_of_an_emptied_device(ulong seed) => FixedSeeds.Check("emptied", seed);
}

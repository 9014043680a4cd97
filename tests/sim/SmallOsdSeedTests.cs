using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: a replica on a smaller device than its leader's does not stay behind for ever. Method: see
/// <see cref="Cluster.SmallOsdScenario"/>.</summary>
public sealed class SmallOsdSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("small");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_small_device_catches_up_when_there_is_room_again(ulong seed) => FixedSeeds.Check("small", seed);
}

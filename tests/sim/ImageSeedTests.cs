using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: an image that is cut or removed gives everything back on every replica, and shows nothing of what it was. Method:
/// see <see cref="Cluster.ImagesScenario"/>.</summary>
public sealed class ImageSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("images");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Images_come_go_shrink_and_grow_under_faults(ulong seed) => FixedSeeds.Check("images", seed);
}

using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>A disk that fails writes, or has become slow: see BadDiskScenario.</summary>
public sealed class DiskSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("disk");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_bad_disk_takes_its_OSD_out_and_a_slow_one_holds_up_nobody(ulong seed) => FixedSeeds.Check("disk", seed);
}

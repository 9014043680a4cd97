using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: with the production log and host, too, nothing is lost while any replicas are replaced by any others, every change
/// ends, and a replica that should be there is. Method: <see cref="Groups.GroupsScenario"/> with spare nodes and a map whose
/// targets are drawn at random.</summary>
public sealed class ReplacedSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("replaced");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Groups_keep_what_they_acknowledged_while_members_change(ulong seed) => FixedSeeds.Check("replaced", seed);
}

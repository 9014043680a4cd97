using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: the protocol is safe on a network and hosts that promise nothing. Method: see
/// <see cref="Protocol.ProtocolScenario"/>.</summary>
public sealed class ProtocolSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("protocol");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Raft_is_safe_and_comes_back(ulong seed) => FixedSeeds.Check("protocol", seed);
}

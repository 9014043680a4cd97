using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.Protocol;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: the protocol is safe on a network and hosts that promise nothing. Method: see <see cref="ProtocolScenario"/>.</summary>
public sealed class ProtocolSeedTests
{
    public static IEnumerable<object[]> Seeds()
    {
        foreach (ulong seed in SimRunner.Seeds(1, 100)) { yield return [seed]; }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Raft_is_safe_and_comes_back(ulong seed) => _ = SimRunner.Check("protocol", seed, world => new ProtocolScenario(world));
}

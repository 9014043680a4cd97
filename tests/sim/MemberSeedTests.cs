using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: nothing is lost while any members are replaced by any others, and every change ends. Method: see
/// <see cref="Protocol.ProtocolScenario"/>, with spare nodes, targets drawn at random, and removed replicas that come back empty.</summary>
public sealed class MemberSeedTests
{
    public static IEnumerable<object[]> Seeds() => FixedSeeds.For("members");

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Raft_is_safe_while_members_change(ulong seed) => FixedSeeds.Check("members", seed);
}

using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>Tests with whole clusters run one after the other, and apart from all others: they need the machine.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class E2eCollection
{
    public const string Name = "e2e";
}

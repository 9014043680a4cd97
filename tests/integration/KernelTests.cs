using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>Tests that use the real kernel (rings, sockets, processes) run one after the other: they measure time-outs and
/// allocations, which neighbours would disturb.</summary>
[CollectionDefinition("kernel", DisableParallelization = true)]
public sealed class KernelTests;

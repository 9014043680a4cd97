using System.Collections.Generic;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Fastblock.Tests.E2e;

/// <summary>Makes the test cases of <see cref="NeedsAttribute"/>.</summary>
public sealed class SkippableDiscoverer(IMessageSink diagnostics) : IXunitTestCaseDiscoverer
{
    public IEnumerable<IXunitTestCase> Discover(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        [new SkippableTestCase(diagnostics, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod)];
}

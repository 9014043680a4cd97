using System.Collections.Generic;
using Xunit;
using Xunit.Sdk;

namespace Fastblock.Tests.E2e;

/// <summary>A test that needs programs which .ci/run installs; where one is missing it is skipped and says which.
/// What can only be seen while it runs it says by <see cref="CannotRunHereException"/>.</summary>
[XunitTestCaseDiscoverer("Fastblock.Tests.E2e.SkippableDiscoverer", "Fastblock.Tests")]
internal sealed class NeedsAttribute : FactAttribute
{
    public NeedsAttribute(params string[] programs) => Skip = WhyNot(programs);

    /// <summary>Why a test that needs these programs is skipped; null = it is not.</summary>
    internal static string? WhyNot(string[] programs)
    {
        List<string> missing = [];
        foreach (string program in programs)
        {
            if (!Shell.Has(program)) { missing.Add(program); }
        }
        return missing.Count == 0 ? null : $"not installed: {string.Join(", ", missing)} (.ci/packages names the packages)";
    }
}

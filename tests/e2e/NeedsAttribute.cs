using System.Collections.Generic;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>A test that needs programs which .ci/run installs; where one is missing it is skipped and says which.</summary>
internal sealed class NeedsAttribute : FactAttribute
{
    public NeedsAttribute(params string[] programs)
    {
        List<string> missing = [];
        foreach (string program in programs)
        {
            if (!Shell.Has(program)) { missing.Add(program); }
        }
        if (missing.Count > 0) { Skip = $"not installed: {string.Join(", ", missing)} (.ci/run names the packages)"; }
    }
}

using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>As <see cref="NeedsAttribute"/>, for a test with several cases.</summary>
internal sealed class NeedsTheoryAttribute : TheoryAttribute
{
    public NeedsTheoryAttribute(params string[] programs) => Skip = NeedsAttribute.WhyNot(programs);
}

using Xunit;

namespace Fastblock.Tests.Unit.Config;

/// <summary>A test on data of the project's shared folder; skipped, saying so, where the folder is absent.</summary>
internal sealed class SharedDataFactAttribute : FactAttribute
{
    public SharedDataFactAttribute(string folder)
    {
        if (RepositoryFiles.Shared(folder.Split('/')) is null) { Skip = $"../shared/{folder} is not here"; }
    }
}

using System;
using System.IO;

namespace Fastblock.Tests.Unit.Config;

/// <summary>Where tests find files of the source tree: the folder above the running test that holds fastblock.csproj.</summary>
internal static class RepositoryFiles
{
    public static string Root { get; } = FindRoot();

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>The project's shared folder beside the repository, or null where it does not exist.</summary>
    public static string? Shared(params string[] parts)
    {
        string path = Path.Combine([Root, "..", "shared", .. parts]);
        return Path.Exists(path) ? path : null;
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "fastblock.csproj"))) { return at.FullName; }
        }
        throw new InvalidOperationException($"no fastblock.csproj above {AppContext.BaseDirectory}");
    }
}

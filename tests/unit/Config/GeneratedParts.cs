using System;
using System.IO;
using Xunit;

namespace Fastblock.Tests.Unit.Config;

/// <summary>Files, or marked parts of files, that must say what the code says. Running the tests with FASTBLOCK_REWRITE=1
/// brings them up to date; the difference is then reviewed and committed.</summary>
internal static class GeneratedParts
{
    private static bool IsRewriting => Environment.GetEnvironmentVariable("FASTBLOCK_REWRITE") == "1";

    /// <summary>Requires the whole file to be <paramref name="expected"/>.</summary>
    public static void CheckFile(string path, string expected)
    {
        if (IsRewriting) { File.WriteAllText(path, expected); }
        Assert.True(File.Exists(path), $"{path} is missing: run the tests with FASTBLOCK_REWRITE=1");
        Assert.True(expected == File.ReadAllText(path), $"{path} is not what the code says: run the tests with FASTBLOCK_REWRITE=1 and review");
    }

    /// <summary>Requires the part between the two marker lines to be <paramref name="expected"/>.</summary>
    public static void CheckPart(string path, string name, string expected)
    {
        string begin = $"<!-- begin {name} (written by the tests) -->\n", end = $"<!-- end {name} -->";
        string text = File.ReadAllText(path);
        int from = text.IndexOf(begin, StringComparison.Ordinal), to = text.IndexOf(end, StringComparison.Ordinal);
        Assert.True(from >= 0 && to > from, $"{path} has no part '{name}'");
        from += begin.Length;
        if (IsRewriting)
        {
            File.WriteAllText(path, text[..from] + expected + text[to..]);
            return;
        }
        Assert.True(expected == text[from..to], $"part '{name}' of {path} is not what the code says: run the tests with FASTBLOCK_REWRITE=1 and review");
    }
}

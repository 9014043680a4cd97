using System;
using System.Collections.Generic;
using System.IO;
using System.Text.RegularExpressions;
using Fastblock.Tests.Unit.Config;

namespace Fastblock.Tests.Unit.Tidy;

/// <summary>The files that the tidy tests look at.</summary>
internal static class SourceFiles
{
    public static readonly string[] Layers = ["Native", "Raft", "Storage", "Net", "Roles"];

    /// <summary>Every C# file of the product: path relative to the repository with '/', and its text.</summary>
    public static IEnumerable<(string Path, string Text)> Product()
    {
        foreach (string layer in Layers)
        {
            foreach (string file in Directory.GetFiles(RepositoryFiles.PathOf(layer), "*.cs", SearchOption.AllDirectories)) { yield return Read(file); }
        }
        yield return Read(RepositoryFiles.PathOf("Program.cs"));
    }

    /// <summary>Every text file that is under version control by its place and ending; build output is not looked at.</summary>
    public static IEnumerable<(string Path, string Text)> Everything()
    {
        foreach ((string path, string text) in Product()) { yield return (path, text); }
        foreach (string folder in (string[])["tests", "docs", ".ci"])
        {
            string root = RepositoryFiles.PathOf(folder);
            if (!Directory.Exists(root)) { continue; }
            foreach (string file in Directory.GetFiles(root, "*", SearchOption.AllDirectories))
            {
                bool isText = Path.GetExtension(file) is ".cs" or ".md" or ".sh" or ".txt" or ".csproj" or ".py" or "" && !file.Contains("/testdata/", StringComparison.Ordinal);
                if (isText && !file.Contains("/bin/", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal)) { yield return Read(file); }
            }
        }
        foreach (string name in (string[])["README.md", "build.ps1", "fastblock.toml", "fastblock.csproj", "Directory.Build.props"])
        {
            if (File.Exists(RepositoryFiles.PathOf(name))) { yield return Read(RepositoryFiles.PathOf(name)); }
        }
    }

    /// <summary>The code without comments and without the contents of strings, line by line.</summary>
    public static string[] CodeLines(string text)
    {
        text = Regex.Replace(text, "\"\"\".*?\"\"\"", "\"\"", RegexOptions.Singleline);
        text = Regex.Replace(text, @"/\*.*?\*/", "", RegexOptions.Singleline);
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            lines[i] = Regex.Replace(lines[i], "\"(\\\\.|[^\"\\\\])*\"", "\"\"");
            lines[i] = Regex.Replace(lines[i], @"//.*$", "");
        }
        return lines;
    }

    private static (string Path, string Text) Read(string file) =>
        (Path.GetRelativePath(RepositoryFiles.Root, file).Replace('\\', '/'), File.ReadAllText(file));
}

using System;
using System.Collections.Generic;
using System.Text.RegularExpressions;
using Xunit;

namespace Fastblock.Tests.Unit.Tidy;

/// <summary>One executable has no project references to keep its layers apart; this test does. It reads every mention of a
/// Fastblock namespace, in using lines and in code.</summary>
public sealed class LayeringTests
{
    /// <summary>Folder prefix (longest match wins) and the namespace prefixes that it may mention besides itself.</summary>
    private static readonly (string Folder, string[] May)[] Rules =
    [
        ("Native/Base", []),
        ("Native/Linux", ["Native.Base"]),
        ("Native/IoUring", ["Native.Base", "Native.Linux"]),
        ("Native/Reactor", ["Native.Base", "Native.Linux", "Native.IoUring"]),
        ("Native", ["Native.Base", "Native.Linux"]),
        ("Raft", ["Native.Base"]),
        ("Net", ["Native", "Net"]),
        ("Storage", ["Native", "Storage"]),
        ("Roles/Cluster", ["Native", "Net", "Raft", "Storage"]),
        ("Roles", ["Native", "Net", "Raft", "Storage", "Roles.Cluster", "Roles.Client", "Roles.Config", "Roles.Metrics", "Roles.Replication", "Roles.Hosting"]),
    ];

    [Fact]
    public void Nothing_imports_upwards_or_sideways()
    {
        List<string> violations = [];
        foreach ((string path, string text) in SourceFiles.Product())
        {
            if (path == "Program.cs") { continue; }
            foreach (string mentioned in Mentioned(text))
            {
                if (!IsAllowed(path, mentioned)) { violations.Add($"{path} mentions Fastblock.{mentioned}"); }
            }
        }
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }

    [Fact]
    public void Namespaces_are_folders()
    {
        List<string> violations = [];
        foreach ((string path, string text) in SourceFiles.Product())
        {
            if (path == "Program.cs") { continue; }
            string expected = "Fastblock." + path[..path.LastIndexOf('/')].Replace('/', '.');
            Match match = Regex.Match(text, @"^namespace ([\w.]+);", RegexOptions.Multiline);
            if (match.Groups[1].Value != expected) { violations.Add($"{path}: namespace '{match.Groups[1].Value}' instead of '{expected}'"); }
        }
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }

    [Theory]
    [InlineData("Raft/RaftNode.cs", "Native.Base", true)]
    [InlineData("Raft/RaftNode.cs", "Storage.Log", false)]
    [InlineData("Storage/Log/DiskLog.cs", "Net.Codec", false)]
    [InlineData("Roles/Osd/OsdServer.cs", "Roles.Mon", false)]
    [InlineData("Roles/Osd/OsdServer.cs", "Roles.Client", true)]
    [InlineData("Native/Base/Prng.cs", "Native.Linux", false)]
    public void The_rules_say_what_the_handbook_says(string path, string mentioned, bool isAllowed) =>
        Assert.Equal(isAllowed, IsAllowed(path, mentioned));

    private static bool IsAllowed(string path, string mentioned)
    {
        string folder = path[..path.LastIndexOf('/')], own = folder.Replace('/', '.');
        // A folder may mention itself, and a type's own role with its sub-folders.
        string ownRole = own.StartsWith("Roles.", StringComparison.Ordinal) ? string.Join('.', own.Split('.')[..2]) : own;
        if (Covers(ownRole, mentioned)) { return true; }
        foreach ((string ruled, string[] may) in Rules)
        {
            if (folder != ruled && !folder.StartsWith(ruled + "/", StringComparison.Ordinal)) { continue; }
            return Array.Exists(may, prefix => Covers(prefix, mentioned));
        }
        return false;
    }

    private static bool Covers(string prefix, string name) => name == prefix || name.StartsWith(prefix + ".", StringComparison.Ordinal);

    private static HashSet<string> Mentioned(string text)
    {
        HashSet<string> found = [];
        foreach (string line in SourceFiles.CodeLines(text))
        {
            if (line.StartsWith("namespace ", StringComparison.Ordinal)) { continue; }
            foreach (Match match in Regex.Matches(line, @"\bFastblock\.((?:Native|Raft|Storage|Net|Roles)(?:\.[A-Z]\w*)*)")) { found.Add(match.Groups[1].Value); }
        }
        return found;
    }
}

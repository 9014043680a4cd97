using System;
using System.Collections.Generic;
using System.IO;
using System.Text.RegularExpressions;
using Fastblock.Tests.Unit.Config;
using Xunit;

namespace Fastblock.Tests.Unit.Tidy;

/// <summary>Habits that no analyzer checks.</summary>
public sealed class TidyTests
{
    private const int LinesMax = 600;

    /// <summary>What would make a simulated run differ from its repetition, or block a reactor, with what to use instead.</summary>
    private static readonly (string Pattern, string Instead)[] Banned =
    [
        (@"\bDateTime(Offset)?\b", "IClock"),
        (@"\bStopwatch\b", "IClock"),
        (@"\bEnvironment\.TickCount", "IClock"),
        (@"(?<!\w)new Random\b|\bRandom\.", "Prng"),
        (@"\bTask\.(Run|Delay|Yield|Factory)\b|\bThreadPool\b", "ReactorTask"),
        (@"\bnew Thread\b|\bThread\.(Sleep|Start)\b", "Reactor"),
        (@"\bGuid\.NewGuid\b|\bGuid\.CreateVersion7\b", "a uuid that is passed in"),
        (@"\bHashCode\b", "a written hash"),
    ];

    /// <summary>The folders whose code runs in the simulator.</summary>
    private static readonly string[] Deterministic =
        ["Native/", "Raft/", "Storage/", "Net/", "Roles/Cluster/", "Roles/Client/", "Roles/Replication/", "Roles/Osd/", "Roles/Mon/", "Roles/Nbd/"];

    /// <summary>The thin production edges inside those folders.</summary>
    private static readonly (string File, string Why)[] Edges =
    [
        ("Native/Base/Log.cs", "formats the clock's wall time"),
        ("Native/Linux/BootClock.cs", "is the clock"),
        ("Native/Linux/ChildProcess.cs", "starts processes"),
        ("Native/Reactor/ReactorThread.cs", "is the thread of a reactor"),
        ("Roles/Client/ClusterSession.cs", "one command in production"),
        ("Roles/Client/ClientReactor.cs", "one command in production"),
    ];

    [Fact]
    public void Simulated_code_takes_time_and_chance_only_by_the_seams()
    {
        List<string> violations = [];
        foreach ((string path, string text) in SourceFiles.Product())
        {
            bool isEdge = Array.Exists(Edges, edge => edge.File == path) || path.EndsWith("Command.cs", StringComparison.Ordinal);
            if (isEdge || !Array.Exists(Deterministic, folder => path.StartsWith(folder, StringComparison.Ordinal))) { continue; }
            string[] lines = SourceFiles.CodeLines(text);
            for (int i = 0; i < lines.Length; i++)
            {
                foreach ((string pattern, string instead) in Banned)
                {
                    if (Regex.IsMatch(lines[i], pattern)) { violations.Add($"{path}:{i + 1}: {lines[i].Trim()} (use {instead})"); }
                }
            }
        }
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }

    [Fact]
    public void The_exceptions_still_exist() =>
        Assert.All(Edges, edge => Assert.True(File.Exists(RepositoryFiles.PathOf(edge.File.Split('/'))), edge.File));

    [Fact]
    public void Files_are_short_or_say_why_not()
    {
        List<string> violations = [];
        foreach ((string path, string text) in SourceFiles.Everything())
        {
            if (!path.EndsWith(".cs", StringComparison.Ordinal)) { continue; }
            int lines = text.AsSpan().Count('\n');
            if (lines > LinesMax && !text.Contains("// Length:", StringComparison.Ordinal)) { violations.Add($"{path}: {lines} lines, and no '// Length:' line that says why"); }
        }
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }

    [Fact]
    public void Nothing_is_left_to_do()
    {
        string[] words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK:", "NotImplemented" + "Exception"];
        List<string> violations = [];
        foreach ((string path, string text) in SourceFiles.Everything())
        {
            string[] lines = text.Split('\n');
            for (int i = 0; i < lines.Length; i++)
            {
                if (Array.Exists(words, word => lines[i].Contains(word, StringComparison.Ordinal))) { violations.Add($"{path}:{i + 1}: {lines[i].Trim()}"); }
            }
        }
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }

    [Fact]
    public void No_path_of_one_machine_is_in_the_tree()
    {
        string[] places = ["/work" + "/", "/ho" + "me/", "/ro" + "ot/"];
        List<string> violations = [];
        foreach ((string path, string text) in SourceFiles.Everything())
        {
            string[] lines = text.Split('\n');
            for (int i = 0; i < lines.Length; i++)
            {
                if (Array.Exists(places, place => Regex.IsMatch(lines[i], $@"(?<![\w.]){Regex.Escape(place)}"))) { violations.Add($"{path}:{i + 1}: {lines[i].Trim()}"); }
            }
        }
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }

    /// <summary>A rename belongs to the folder: after a power cut only a synced folder still knows the new name.</summary>
    [Fact]
    public void Every_rename_is_followed_by_a_sync_of_its_folder()
    {
        int renames = 0;
        foreach ((string path, string text) in SourceFiles.Product())
        {
            string[] lines = SourceFiles.CodeLines(text);
            for (int i = 0; i < lines.Length; i++)
            {
                if (!Regex.IsMatch(lines[i], @"\bFile\.(Move|Replace)\(")) { continue; }
                renames++;
                Assert.True(i + 1 < lines.Length && lines[i + 1].Contains("SyncDirectoryOf(", StringComparison.Ordinal), $"{path}:{i + 1}");
            }
        }
        Assert.True(renames > 0, "there is none to look at any more");
    }

    [Fact]
    public void Program_is_short()
    {
        string text = File.ReadAllText(RepositoryFiles.PathOf("Program.cs"));
        Assert.InRange(text.AsSpan().Count('\n'), 1, 100);
    }

    [Fact]
    public void Lines_end_without_spaces_and_files_with_a_newline()
    {
        List<string> violations = [];
        foreach ((string path, string text) in SourceFiles.Everything())
        {
            if (text.Length > 0 && !text.EndsWith('\n')) { violations.Add($"{path}: no newline at the end"); }
            if (text.Contains('\r', StringComparison.Ordinal)) { violations.Add($"{path}: carriage returns"); }
            if (Regex.IsMatch(text, @"[ \t]\n")) { violations.Add($"{path}: space at the end of a line"); }
        }
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }
}

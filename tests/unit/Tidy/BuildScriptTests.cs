using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Fastblock.Tests.Unit.Config;
using Xunit;

namespace Fastblock.Tests.Unit.Tidy;

/// <summary>build.ps1 is read by two shells; only one of them is here.</summary>
public sealed class BuildScriptTests
{
    [SupportedOSPlatform("linux")]
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void The_build_script_ends_with_the_exit_code_of_the_build(int code)
    {
        string folder = Directory.CreateTempSubdirectory("fb").FullName;
        string dotnet = Path.Combine(folder, "dotnet");
        File.WriteAllText(dotnet, $"#!/bin/sh\nif [ \"$1\" = publish ]; then exit {code}; fi\n");
        File.SetUnixFileMode(dotnet, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        using Process script = Process.Start(new ProcessStartInfo("sh", [RepositoryFiles.PathOf("build.ps1")])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            Environment = { ["PATH"] = $"{folder}:/usr/bin:/bin" },
        })!;
        string output = script.StandardOutput.ReadToEnd();
        script.WaitForExit();
        Directory.Delete(folder, recursive: true);
        Assert.Equal(code, script.ExitCode);
        Assert.Equal(code == 0, output.Contains("built out/fastblock", StringComparison.Ordinal));
    }

    /// <summary>PowerShell knows commands, arguments in double quotes, comments, &amp;&amp; and ||, but nothing of control flow
    /// behind these, and neither the tests nor the variables of sh.</summary>
    [Fact]
    public void The_build_script_has_only_what_PowerShell_understands_too()
    {
        foreach (string line in File.ReadAllLines(RepositoryFiles.PathOf("build.ps1")))
        {
            if (line.Length == 0 || line[0] == '#' || line == "exit $LASTEXITCODE") { continue; }
            string bare = Regex.Replace(line, "\"[^\"$`]*\"", "TEXT");
            Assert.DoesNotMatch("[$`;'\"\\\\\\[]|\\b(exit|if|return)\\b", bare);
            Assert.Matches("^dotnet ", bare);
        }
    }
}

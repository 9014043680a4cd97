using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using Fastblock.Tests.Unit.Config;

namespace Fastblock.Tests.E2e;

/// <summary>The published executable: $FASTBLOCK_BINARY, or out/fastblock, built by build.ps1 when it is missing or older than
/// a source file.</summary>
internal static class Binary
{
    private static readonly Lazy<string> Built = new(Find, LazyThreadSafetyMode.ExecutionAndPublication);

    public static string Path => Built.Value;

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable("FASTBLOCK_BINARY") is string given) { return given; }
        string path = RepositoryFiles.PathOf("out", "fastblock");
        if (File.Exists(path) && File.GetLastWriteTimeUtc(path) >= NewestSource()) { return path; }
        using Process build = Process.Start(new ProcessStartInfo("sh", ["build.ps1"])
        {
            WorkingDirectory = RepositoryFiles.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        System.Threading.Tasks.Task<string> error = build.StandardError.ReadToEndAsync();
        string output = build.StandardOutput.ReadToEnd();
        build.WaitForExit();
        return build.ExitCode == 0 ? path : throw new InvalidOperationException($"sh build.ps1 failed:\n{output}{error.Result}");
    }

    private static DateTime NewestSource()
    {
        DateTime newest = DateTime.MinValue;
        foreach (string folder in (string[])["Native", "Raft", "Storage", "Net", "Roles"])
        {
            foreach (string file in Directory.GetFiles(RepositoryFiles.PathOf(folder), "*", SearchOption.AllDirectories)) { Take(file); }
        }
        foreach (string name in (string[])["Program.cs", "fastblock.csproj", "Directory.Build.props", "build.ps1"]) { Take(RepositoryFiles.PathOf(name)); }
        return newest;

        void Take(string file)
        {
            DateTime time = File.GetLastWriteTimeUtc(file);
            if (time > newest) { newest = time; }
        }
    }
}

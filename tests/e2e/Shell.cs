using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>Runs other people's programs, and ours, with a time limit.</summary>
internal static class Shell
{
    /// <summary>Ten times what anything here takes on a quiet machine.</summary>
    private static readonly TimeSpan TimeMax = TimeSpan.FromMinutes(5);

    public static CommandResult Fastblock(params string[] arguments) => Run(Binary.Path, arguments);

    public static CommandResult Run(string program, params string[] arguments)
    {
        using Process process = Start(program, arguments);
        return Finish(process, program, arguments);
    }

    /// <summary>Starts without waiting; outputs are read by <see cref="Finish"/>.</summary>
    public static Process Start(string program, params IReadOnlyList<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        }) ?? throw new InvalidOperationException(program);

    public static CommandResult Finish(Process process, string program, IReadOnlyList<string> arguments)
    {
        string line = $"{Path.GetFileName(program)} {string.Join(' ', arguments)}";
        process.StandardInput.Close();
        System.Threading.Tasks.Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeMax))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{line}: still running after {TimeMax}\n{output.Result}{error.Result}");
        }
        return new CommandResult(line, process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Waits until something holds; never for a fixed time.</summary>
    public static void Until(string what, Func<bool> reached, int seconds = 60)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!reached())
        {
            Assert.True(watch.Elapsed.TotalSeconds < seconds, $"waited {seconds} s for {what}");
            Thread.Sleep(20);
        }
    }

    public static bool Has(string program)
    {
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
        {
            if (File.Exists(Path.Combine(folder, program))) { return true; }
        }
        return File.Exists("/sbin/" + program) || File.Exists("/usr/sbin/" + program);
    }
}

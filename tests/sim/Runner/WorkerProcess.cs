using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text.Json;
using System.Threading.Tasks;

namespace Fastblock.Tests.Sim.Runner;

/// <summary>A process of this program that simulates, seen from outside.</summary>
internal sealed class WorkerProcess : IDisposable
{
    private readonly RunnerOptions _options;
    private Process _process;

    public WorkerProcess(RunnerOptions options)
    {
        _options = options;
        _process = Start();
    }

    /// <summary>Runs one seed there. A worker that dies or does not come back has failed it, and is replaced.</summary>
    public SeedRun Run(string scenario, ulong seed)
    {
        long start = Stopwatch.GetTimestamp();
        string? answer = null;
        bool isLate = false;
        try
        {
            _process.StandardInput.WriteLine($"{scenario} {seed}");
            _process.StandardInput.Flush();
            Task<string?> line = _process.StandardOutput.ReadLineAsync();
            isLate = !line.Wait(TimeSpan.FromMinutes(_options.SeedMinutes));
            answer = isLate ? null : line.Result;
        }
        catch (IOException) { } // it is gone
        if (answer != null) { return JsonSerializer.Deserialize<SeedRun>(answer)!; }
        Dispose();
        int code = _process.HasExited && !isLate ? _process.ExitCode : 0;
        _process = Start();
        string failure = isLate ? $"not done within {_options.SeedMinutes} minutes of real time" : $"the process ended with {code}";
        string replay = $"--scenario {scenario} --seeds {seed}{(_options.TroubleSeconds == 0 ? "" : $" --virtual-seconds {_options.TroubleSeconds}")}";
        return new SeedRun
        {
            Scenario = scenario,
            Seed = seed,
            Failure = failure,
            Report = $"seed {seed} of scenario '{scenario}': {failure}{Environment.NewLine}replay: dotnet run --project tests -- {replay}",
            CpuSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
        };
    }

    public void Dispose()
    {
        try
        {
            _process.StandardInput.Close();
            if (!_process.WaitForExit(TimeSpan.FromSeconds(1))) { _process.Kill(); }
            _process.WaitForExit();
        }
        catch (Exception error) when (error is IOException or InvalidOperationException) { } // it has ended by itself
    }

    private Process Start()
    {
        string program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") { start.ArgumentList.Add(typeof(WorkerProcess).Assembly.Location); }
        start.ArgumentList.Add("--worker");
        if (_options.TroubleSeconds > 0) { Add("--virtual-seconds", _options.TroubleSeconds.ToString(CultureInfo.InvariantCulture)); }
        if (_options.Sabotage != 0) { Add("--sabotage", _options.Sabotage.ToString()); }
        if (_options.IsTraced) { start.ArgumentList.Add("--trace"); }
        // One thread does all the work: collect its garbage there, too, and seldom.
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_gcConcurrent"] = "0";
        start.Environment["DOTNET_TieredCompilation"] = "0"; // every method is compiled once, and well
        start.Environment["DOTNET_GCgen0size"] = "0x4000000";
        start.Environment["DOTNET_GCLOHThreshold"] = "0x1000000"; // large arrays live as short as small ones
        // What a run frees serves the next one, instead of going to the kernel and coming back page by page.
        start.Environment["GLIBC_TUNABLES"] = "glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=4294967296";
        return Process.Start(start)!;

        void Add(string name, string value)
        {
            start.ArgumentList.Add(name);
            start.ArgumentList.Add(value);
        }
    }
}

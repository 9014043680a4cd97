using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Harness;

/// <summary>Runs scenarios by seed and says how to see a failure again.</summary>
internal static class SimRunner
{
    private const int TailLines = 60;

    private static readonly ConcurrentDictionary<string, long> Counts = new();

    /// <summary>Marks reached by all runs of this process without a deliberate defect, with how often.</summary>
    public static IReadOnlyDictionary<string, long> Marks => Counts;

    /// <summary>The environment says which seeds to run.</summary>
    public static bool IsChosen => Environment.GetEnvironmentVariable("FASTBLOCK_SIM_SEED") != null
        || Environment.GetEnvironmentVariable("FASTBLOCK_SIM_SEEDS") != null;

    /// <summary>The seeds that the environment asks for, else <paramref name="first"/> to <paramref name="last"/>:
    /// FASTBLOCK_SIM_SEED=N for one (with a full trace in a file), FASTBLOCK_SIM_SEEDS=A..B for a range.</summary>
    public static IEnumerable<ulong> Seeds(ulong first, ulong last)
    {
        string? one = Environment.GetEnvironmentVariable("FASTBLOCK_SIM_SEED");
        string? range = Environment.GetEnvironmentVariable("FASTBLOCK_SIM_SEEDS");
        if (one != null)
        {
            first = last = ulong.Parse(one, CultureInfo.InvariantCulture);
        }
        else if (range != null)
        {
            string[] ends = range.Split("..");
            first = ulong.Parse(ends[0], CultureInfo.InvariantCulture);
            last = ulong.Parse(ends[^1], CultureInfo.InvariantCulture);
        }
        for (ulong seed = first; seed <= last; seed++) { yield return seed; }
    }

    /// <summary>What the environment asks for: FASTBLOCK_SIM_SECONDS=N for a long run, and with FASTBLOCK_SIM_SEED a full trace.</summary>
    public static SimOptions FromEnvironment(string name, ulong seed, SabotageKind sabotage = SabotageKind.None)
    {
        bool replay = Environment.GetEnvironmentVariable("FASTBLOCK_SIM_SEED") != null;
        string? seconds = Environment.GetEnvironmentVariable("FASTBLOCK_SIM_SECONDS");
        return new SimOptions
        {
            Sabotage = sabotage,
            TroubleSeconds = seconds == null ? 0 : int.Parse(seconds, CultureInfo.InvariantCulture),
            TracePath = replay ? TracePath(name, seed, sabotage) : null,
        };
    }

    /// <summary>Where the trace of a seed goes when one is wanted.</summary>
    public static string TracePath(string name, ulong seed, SabotageKind sabotage) =>
        Path.Combine(Path.GetTempPath(), $"fastblock-sim-{name}-{seed}{(sabotage == SabotageKind.None ? "" : "-" + sabotage)}.trace");

    /// <summary>Runs one seed.</summary>
    public static SimResult Run(string name, ulong seed, Func<SimWorld, Scenario> create, SimOptions? options = null)
    {
        options ??= SimOptions.Default;
        SabotageKind sabotage = options.Sabotage;
        string? path = options.TracePath;
        using var world = new SimWorld(seed, path) { TroubleSeconds = options.TroubleSeconds };
        WriteLog($"{name} {seed} begins{(sabotage == SabotageKind.None ? "" : $" with {sabotage}")}{Environment.NewLine}");
        if (sabotage == SabotageKind.None) { Reached.Collect(static mark => Counts.AddOrUpdate(mark, 1, static (_, count) => count + 1)); }
        Sabotage.Use(sabotage);
        Scenario? scenario = null;
        string? failure = null;
        try
        {
            scenario = create(world);
            scenario.Run();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            failure = error is SimFailure or InvariantViolation ? error.Message : error.ToString();
            if (error is InvariantViolation) { failure += Environment.NewLine + error.StackTrace; }
        }
        finally
        {
            Sabotage.Use(SabotageKind.None);
            Reached.Collect(null);
        }
        string report = failure == null ? "" : $"""
            seed {seed} of scenario '{name}' failed at {world.Now / 1e9:F6} s of virtual time: {failure}
            replay: dotnet run --project tests -- --trace --scenario {name} --seeds {seed}{(options.TroubleSeconds == 0 ? "" : $" --virtual-seconds {options.TroubleSeconds}")}{(path == null ? "" : $"  (trace in {path})")}
            drawn: {scenario?.Describe()}
            last events:
            {world.Trace.Tail(TailLines)}
            """;
        string drawn = scenario?.Describe() ?? "";
        WriteLog($"{name} {seed} {(failure == null ? "ok" : "FAILED")} {world.Now / 1e9:F1} s {world.EventCount} events; {drawn}{Environment.NewLine}{report}");
        return new SimResult(seed, failure, world.Trace.Hash, world.EventCount, world.Now, drawn, report,
            scenario?.Operations ?? 0, scenario?.Faults ?? 0);
    }

    /// <summary>FASTBLOCK_SIM_LOG=FILE: begin and end of every run.</summary>
    private static void WriteLog(string text)
    {
        if (Environment.GetEnvironmentVariable("FASTBLOCK_SIM_LOG") is not { } log) { return; }
        lock (Counts) { File.AppendAllText(log, text); }
    }

    /// <summary>Looks for a seed that notices the defect. The same seed without it must pass, else the find means nothing.</summary>
    public static SimResult? FindBug(string name, SabotageKind sabotage, ulong first, ulong last, Func<SimWorld, Scenario> create)
    {
        for (ulong seed = first; seed <= last; seed++)
        {
            SimResult broken = Run(name, seed, create, FromEnvironment(name, seed, sabotage));
            if (broken.Failure == null) { continue; }
            SimResult clean = Run(name, seed, create, FromEnvironment(name, seed));
            if (clean.Failure != null) { throw new SimFailure("without the defect, too: " + clean.Report); }
            return broken;
        }
        return null;
    }
}

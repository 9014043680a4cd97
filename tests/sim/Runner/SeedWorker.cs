using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Runner;

/// <summary>The inside of a process that simulates: a scenario and a seed come in on a line, what became of them goes out on one.
/// A process of its own per core, because collections of garbage stop all threads of a process, and because a crash or a
/// loop without end then takes one seed with it, and that seed has a name.</summary>
internal static class SeedWorker
{
    public static void Run(RunnerOptions options)
    {
        while (Console.In.ReadLine() is { } line)
        {
            string[] words = line.Split(' ');
            SeedRun run = RunOne(words[0], ulong.Parse(words[1], CultureInfo.InvariantCulture), options);
            Console.Out.WriteLine(JsonSerializer.Serialize(run));
            Console.Out.Flush();
        }
    }

    private static SeedRun RunOne(string scenario, ulong seed, RunnerOptions options)
    {
        var before = new Dictionary<string, long>(SimRunner.Marks);
        TimeSpan start = Environment.CpuUsage.TotalTime;
        SimResult result = FixedSeeds.RunAnew(scenario, seed, new SimOptions
        {
            Sabotage = options.Sabotage,
            TroubleSeconds = options.TroubleSeconds,
            TracePath = options.IsTraced ? SimRunner.TracePath(scenario, seed, options.Sabotage) : null,
        });
        double seconds = (Environment.CpuUsage.TotalTime - start).TotalSeconds;
        var marks = new Dictionary<string, long>();
        foreach ((string mark, long count) in SimRunner.Marks)
        {
            long added = count - before.GetValueOrDefault(mark);
            if (added > 0) { marks[mark] = added; }
        }
        return new SeedRun
        {
            Scenario = scenario,
            Seed = seed,
            Failure = result.Failure,
            Report = result.Report,
            Drawn = result.Drawn,
            VirtualNanos = result.VirtualNanos,
            CpuSeconds = seconds,
            Events = result.Events,
            Operations = result.Operations,
            Faults = result.Faults,
            ResidentBytes = ResidentBytes(),
            Marks = marks,
        };
    }

    private static long ResidentBytes()
    {
        string[] pages = File.ReadAllText("/proc/self/statm").Split(' ');
        return long.Parse(pages[1], CultureInfo.InvariantCulture) * Units.BlockBytes;
    }
}

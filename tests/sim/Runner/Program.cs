using System;
using System.Threading;

namespace Fastblock.Tests.Sim.Runner;

/// <summary>The test assembly as a program: long runs of the simulator, see docs/testing.md. `dotnet test` does not come by here.</summary>
internal static class Program
{
    private const double ProgressMinutes = 1.0 / 6;

    public static int Main(string[] arguments)
    {
        RunnerOptions? options = RunnerOptions.Parse(arguments, out string wrong);
        if (options == null)
        {
            Console.Error.WriteLine($"{wrong}{Environment.NewLine}{RunnerOptions.Help}");
            return 2;
        }
        if (options.IsWorker)
        {
            SeedWorker.Run(options);
            return 0;
        }
        return RunAll(options);
    }

    private static int RunAll(RunnerOptions options)
    {
        var totals = new RunTotals(options);
        ulong nextSeed = options.First;
        int nextScenario = 0;
        double nextProgress = ProgressMinutes;
        var threads = new Thread[options.Jobs];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(Work);
            threads[i].Start();
        }
        foreach (Thread thread in threads) { thread.Join(); }
        Console.Write(totals.Summary());
        return totals.FailureCount > 0 && options.Sabotage == 0 ? 1 : 0;

        void Work()
        {
            using var worker = new WorkerProcess(options);
            while (TryNext(out string scenario, out ulong seed))
            {
                SeedRun run = worker.Run(scenario, seed);
                lock (totals)
                {
                    totals.Add(run);
                    if (totals.Minutes < nextProgress) { continue; }
                    nextProgress = totals.Minutes + ProgressMinutes;
                    Console.WriteLine(totals.Progress());
                }
            }
        }

        bool TryNext(out string scenario, out ulong seed)
        {
            lock (totals)
            {
                (scenario, seed) = (options.Scenarios[nextScenario], nextSeed);
                if (nextSeed > options.Last || totals.Minutes >= options.Minutes) { return false; }
                if (++nextScenario == options.Scenarios.Count) { (nextScenario, nextSeed) = (0, nextSeed + 1); }
                return true;
            }
        }
    }
}

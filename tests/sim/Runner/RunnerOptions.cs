using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Runner;

/// <summary>What the command line of the runner asks for.</summary>
internal sealed record RunnerOptions
{
    public const string Help = """
        Runs many seeds of the simulator, several at a time.

          --scenario NAME       one of the scenarios, or all (default: cluster)
          --seeds A..B          the seeds of each scenario (default: 1..1000000); A alone for one
          --minutes N           stop after so many minutes of real time (default: when the seeds are done)
          --jobs N              processes that simulate (default: one for each core)
          --virtual-seconds N   trouble lasts so long in every seed, e.g. 300 (default: some seconds, as the seed says)
          --sabotage KIND       with this deliberate defect; seeds that notice it are then no failures
          --seed-minutes N      a seed that takes longer in real time has failed (default: 10)
          --log FILE            reports of failed seeds are added to it (default: fastblock-sim-failures.log in the temporary directory)
          --trace               every event of each seed goes to a file; for few seeds

        Ends with 0 when every seed held, 1 when one failed, 2 when the command line is wrong.
        """;

    public IReadOnlyList<string> Scenarios { get; private init; } = ["cluster"];
    public ulong First { get; private init; } = 1;
    public ulong Last { get; private init; } = 1_000_000;
    public double Minutes { get; private init; } = double.PositiveInfinity;
    public int Jobs { get; private init; } = Environment.ProcessorCount;
    public int TroubleSeconds { get; private init; }
    public SabotageKind Sabotage { get; private init; }
    public double SeedMinutes { get; private init; } = 10;
    public string LogPath { get; private init; } = Path.Combine(Path.GetTempPath(), "fastblock-sim-failures.log");
    public bool IsTraced { get; private init; }

    /// <summary>This process simulates what it is told on its standard input.</summary>
    public bool IsWorker { get; private init; }

    /// <summary>Null when the arguments make no sense; <paramref name="wrong"/> says why.</summary>
    public static RunnerOptions? Parse(IReadOnlyList<string> arguments, out string wrong)
    {
        var options = new RunnerOptions();
        wrong = "";
        for (int i = 0; i < arguments.Count; i++)
        {
            string name = arguments[i];
            bool isFlag = name is "--trace" or "--worker";
            if (!isFlag && i + 1 == arguments.Count)
            {
                wrong = $"{name} needs a value";
                return null;
            }
            string value = isFlag ? "" : arguments[++i];
            RunnerOptions? with = options.With(name, value);
            if (with == null)
            {
                wrong = $"{name} {value}: not understood";
                return null;
            }
            options = with;
        }
        return options;
    }

    private RunnerOptions? With(string name, string value) => name switch
    {
        "--scenario" when value == "all" => this with { Scenarios = [.. FixedSeeds.Names] },
        "--scenario" when FixedSeeds.IsKnown(value) => this with { Scenarios = [value] },
        "--seeds" when TryRange(value, out ulong first, out ulong last) => this with { First = first, Last = last },
        "--minutes" when TryNumber(value, out double minutes) => this with { Minutes = minutes },
        "--jobs" when TryNumber(value, out double jobs) && jobs >= 1 => this with { Jobs = (int)jobs },
        "--virtual-seconds" when TryNumber(value, out double seconds) => this with { TroubleSeconds = (int)seconds },
        "--sabotage" when Enum.TryParse(value, out SabotageKind kind) => this with { Sabotage = kind },
        "--seed-minutes" when TryNumber(value, out double minutes) => this with { SeedMinutes = minutes },
        "--log" => this with { LogPath = value },
        "--trace" => this with { IsTraced = true },
        "--worker" => this with { IsWorker = true },
        _ => null,
    };

    private static bool TryNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && number > 0;

    private static bool TryRange(string text, out ulong first, out ulong last)
    {
        string[] ends = text.Split("..");
        last = 0;
        return ulong.TryParse(ends[0], CultureInfo.InvariantCulture, out first)
            && ulong.TryParse(ends[^1], CultureInfo.InvariantCulture, out last) && ends.Length <= 2 && first <= last;
    }
}

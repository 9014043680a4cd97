using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Native.Linux;
using Fastblock.Roles.Bench.Layers;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Bench;

/// <summary><c>fastblock bench</c>: the cluster, and each layer alone.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        ManualCommand bench = new("bench", "Measure the cluster, or one layer alone.");
        bench.Subcommands.Add(CreateRw());
        LayerCommands.AddTo(bench);
        return bench;
    }

    private static ManualCommand CreateRw()
    {
        Argument<string> spec = new("image") { Description = "The image; its content is overwritten by the write modes.", HelpName = "POOL/IMAGE" };
        Option<string> mode = Text("--rw", "What to do.", "randwrite|randread|write|read|randrw", "randwrite");
        Option<string> blockSize = Text("--bs", "Bytes of one I/O, a multiple of 512.", "SIZE", "4k");
        Option<int> depth = new("--qd") { Description = "I/Os in flight.", HelpName = "N", DefaultValueFactory = _ => 32 };
        Option<double> time = new("--time") { Description = "Seconds to measure.", HelpName = "SECONDS", DefaultValueFactory = _ => 10 };
        Option<bool> verify = new("--verify") { Description = "Check every byte: reads while running, and everything written at the end." };
        Option<bool> fill = new("--fill") { Description = "Write the whole range first (reads of what was never written measure nothing)." };
        Option<string> range = Text("--range", "How much of the image is used, from its start; 0 = all.", "SIZE", "0");
        Option<ulong> seed = new("--seed") { Description = "Of offsets and contents.", HelpName = "N", DefaultValueFactory = _ => 1 };
        Option<string?> cpuOf = new("--cpu-of") { Description = "Pids whose CPU time counts beside our own; all fastblock processes here when not given.", HelpName = "PID,..." };
        Option<string?> core = new("--core") { Description = "Core that the bench runs on; the kernel places it when not given.", HelpName = "N" };
        Option<string> poll = Poll("How this process waits; what the servers do is their own setting.");
        ManualCommand rw = new("rw", "Measure reads and writes on an image, in this process over the network.",
            "fastblock bench rw vol/demo --rw randwrite --bs 4k --qd 32 --time 10 --verify",
            "fastblock bench rw vol/demo --rw randread --qd 1 --fill --json");
        rw.Arguments.Add(spec);
        foreach (Option option in (Option[])[mode, blockSize, depth, time, verify, fill, range, seed, cpuOf, core, poll]) { rw.Options.Add(option); }
        return rw.Does(parsed =>
        {
            ImageSpec image = ImageSpec.Parse(parsed.GetRequiredValue(spec));
            RwOptions options = Checked(new RwOptions
            {
                Mode = ConfigKey.TryChoice(parsed.GetRequiredValue(mode), out RwMode known) ? known
                    : throw new OperatorException(ExitCode.Usage, $"--rw '{parsed.GetValue(mode)}': must be randwrite, randread, write, read or randrw"),
                BlockBytes = (int)Math.Min(int.MaxValue, SizeText.Parse(parsed.GetRequiredValue(blockSize), "--bs")),
                QueueDepth = parsed.GetValue(depth),
                DurationNanos = Seconds(parsed.GetValue(time)),
                Verify = parsed.GetValue(verify),
                Fill = parsed.GetValue(fill),
                RangeBytes = SizeText.Parse(parsed.GetRequiredValue(range), "--range"),
                Seed = parsed.GetValue(seed),
                CpuOf = Pids(parsed.GetValue(cpuOf)),
            });
            // The thread that parses is the one that runs the loop.
            foreach (int one in Cores("--core", parsed.GetValue(core))) { _ = CoreSet.PinThisThread(one); }
            WaitStrategy strategy = PollOf(parsed, poll);
            bool json = parsed.GetValue(CommonOptions.Json);
            return ClusterSession.Run(parsed, async session =>
            {
                session.Reactor.Strategy = strategy;
                Print(json, [await RwBench.RunAsync(session, image, options, showProgress: true)]);
                return ExitCode.Ok;
            });
        });
    }

    /// <summary>One result as an object, several as a list.</summary>
    internal static void Print(bool asJson, IReadOnlyList<BenchResult> results) =>
        CommandOutput.Print(asJson, json =>
        {
            if (results.Count != 1) { json.WriteStartArray(); }
            foreach (BenchResult result in results) { result.WriteJson(json); }
            if (results.Count != 1) { json.WriteEndArray(); }
        }, output =>
        {
            foreach (BenchResult result in results) { result.WriteText(output); }
        });

    internal static Option<string> Text(string name, string description, string helpName, string otherwise) =>
        new(name) { Description = description, HelpName = helpName, DefaultValueFactory = _ => otherwise };

    internal static Option<string> Poll(string description) => Text("--poll", description, "adaptive|busy|sleep", "adaptive");

    internal static WaitStrategy PollOf(ParseResult parsed, Option<string> poll) =>
        ConfigKey.TryChoice(parsed.GetRequiredValue(poll), out WaitStrategy strategy) ? strategy
            : throw new OperatorException(ExitCode.Usage, $"--poll '{parsed.GetValue(poll)}': must be adaptive, busy or sleep");

    internal static long Seconds(double seconds) => seconds is >= 0.1 and <= 86_400 ? (long)(seconds * Units.NanosPerSecond)
        : throw new OperatorException(ExitCode.Usage, string.Create(CultureInfo.InvariantCulture, $"--time {seconds}: must be 0.1 to 86400 seconds"));

    /// <summary>None given = empty.</summary>
    internal static int[] Cores(string option, string? text) => text is null ? []
        : CoreSet.TryParse(text) ?? throw new OperatorException(ExitCode.Usage, $"{option} '{text}': must be numbers of cores that this process may use");

    private static RwOptions Checked(RwOptions options)
    {
        string? whyNot = options.BlockBytes <= 0 || options.BlockBytes % Units.SectorBytes != 0 || options.BlockBytes > ImageIo.MaxDataBytes
            ? $"--bs: must be a multiple of 512 up to {SizeText.Format(ImageIo.MaxDataBytes)}"
            : options.QueueDepth is < 1 or > 4096 ? "--qd: must be 1 to 4096" : null;
        return whyNot is null ? options : throw new OperatorException(ExitCode.Usage, whyNot);
    }

    private static List<int> Pids(string? text)
    {
        List<int> pids = [];
        foreach (string part in text?.Split(',', StringSplitOptions.RemoveEmptyEntries) ?? [])
        {
            pids.Add(int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? pid
                : throw new OperatorException(ExitCode.Usage, $"--cpu-of '{part}': not a process id"));
        }
        return pids;
    }
}

using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>`fastblock bench ring|device|rpc|store|raft`: each layer alone, in this process, without a cluster. Every queue depth
/// of the list is a run of its own.</summary>
internal static class LayerCommands
{
    private const int DepthMax = 1024;
    private const int BlockBytesMax = (int)(512 * Units.KiB);

    private static readonly string[] DeviceExamples =
    [
        "fastblock bench device --device /data/bench.tmp --size 1G --rw randwrite --qd 1,32",
        "fastblock bench device --device mem:1G --rw randread --json",
    ];

    public static void AddTo(Command bench)
    {
        bench.Subcommands.Add(Layer("ring", "io_uring requests that do nothing.", RingBench.Run, "1,32", null, hasDevice: false,
            "fastblock bench ring --qd 1,32"));
        bench.Subcommands.Add(Layer("device", "Reads and durable writes on a device, without anything above it.", DeviceBench.Run, "1,32", "4k",
            hasDevice: true, DeviceExamples));
        bench.Subcommands.Add(Layer("rpc", "Round trips of messages over TCP on loopback, between two threads.", RpcBench.Run, "1", "64",
            hasDevice: false, "fastblock bench rpc --bs 64", "fastblock bench rpc --bs 4k --qd 32 --poll sleep"));
        bench.Subcommands.Add(Layer("store", "Log and object store of one shard, without network.", StoreBench.Run, "1,32", "4k",
            hasDevice: true, "fastblock bench store --device mem:1G --rw randwrite --qd 32"));
        bench.Subcommands.Add(Layer("raft", "Replication between three threads over TCP on loopback, logs in memory.", RaftBench.Run, "1,32,128", "4k",
            hasDevice: false, "fastblock bench raft --qd 1,32,128 --json"));
    }

    private static ManualCommand Layer(string name, string description, Func<LayerOptions, BenchResult> run, string depths, string? blockSize,
        bool hasDevice, params string[] examples)
    {
        Option<string> depth = BenchCommand.Text("--qd", "Operations in flight: one number, or several for a run each.", "N,...", depths);
        Option<double> time = new("--time") { Description = "Seconds to measure, for each run.", HelpName = "SECONDS", DefaultValueFactory = _ => 3 };
        Option<string> poll = BenchCommand.Poll("How the reactors wait.");
        Option<string?> cores = new("--cores") { Description = "Cores of the reactors, in their order and taken round; default: one after the other.", HelpName = "N,..." };
        Option<string> bytes = BenchCommand.Text("--bs", "Bytes of one operation.", "SIZE", blockSize ?? "4k");
        Option<string> mode = BenchCommand.Text("--rw", "What to do.", "randwrite|randread|write|read", "randwrite");
        Option<string> device = BenchCommand.Text("--device", "mem:SIZE, or a path: a new one is a file made for the run and removed after it.", "PATH", "mem:1G");
        Option<string> size = BenchCommand.Text("--size", "Size of a file that is made.", "SIZE", "1G");
        Option<bool> overwrite = new("--overwrite") { Description = "What exists at the path of --device may be destroyed." };
        ManualCommand command = new(name, description, examples);
        foreach (Option option in (Option[])[depth, time, poll, cores]) { command.Options.Add(option); }
        if (blockSize is not null) { command.Options.Add(bytes); }
        foreach (Option option in hasDevice ? (Option[])[mode, device, size, overwrite] : []) { command.Options.Add(option); }
        return command.Does(parsed =>
        {
            LayerOptions options = new()
            {
                DurationNanos = BenchCommand.Seconds(parsed.GetValue(time)),
                Poll = BenchCommand.PollOf(parsed, poll),
                Cores = BenchCommand.Cores("--cores", parsed.GetValue(cores)),
            };
            if (blockSize is not null)
            {
                long block = SizeText.Parse(parsed.GetRequiredValue(bytes), "--bs");
                bool isFree = name == "rpc" && block < Units.BlockBytes;
                options = (isFree || block % Units.BlockBytes == 0) && block is > 0 and <= BlockBytesMax
                    ? options with { BlockBytes = (int)block }
                    : throw Wrong("--bs", parsed.GetValue(bytes), "a multiple of 4096, at most 512K");
            }
            if (hasDevice)
            {
                options = options with
                {
                    Mode = ConfigKey.TryChoice(parsed.GetRequiredValue(mode), out RwMode known) && known is not RwMode.RandRw ? known
                        : throw Wrong("--rw", parsed.GetValue(mode), "randwrite, randread, write or read"),
                    Device = parsed.GetRequiredValue(device),
                    FileBytes = SizeText.Parse(parsed.GetRequiredValue(size), "--size") / Units.BlockBytes * Units.BlockBytes,
                    Overwrite = parsed.GetValue(overwrite),
                };
            }
            List<BenchResult> results = [];
            foreach (int one in Depths(parsed.GetRequiredValue(depth))) { results.Add(run(options with { QueueDepth = one })); }
            BenchCommand.Print(parsed.GetValue(CommonOptions.Json), results);
            return ExitCode.Ok;
        });
    }

    private static List<int> Depths(string text)
    {
        List<int> depths = [];
        foreach (string part in text.Split(','))
        {
            depths.Add(int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int depth) && depth is >= 1 and <= DepthMax ? depth
                : throw Wrong("--qd", part, $"1 to {DepthMax}, or several such numbers with commas"));
        }
        return depths;
    }

    private static OperatorException Wrong(string option, string? value, string wanted) => new(ExitCode.Usage, $"{option} '{value}': must be {wanted}");
}

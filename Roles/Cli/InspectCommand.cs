using System;
using System.CommandLine;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Config;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock inspect</c>: shows what is on a device, good or bad, without changing it.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        Argument<string> device = new("device") { Description = "File or block device that no server has open.", HelpName = "PATH" };
        Option<bool> log = new("--log") { Description = "The batches of the log." };
        Option<bool> records = new("--records") { Description = "The batches of the log and the records in them." };
        Option<bool> pairs = new("--pairs") { Description = "The pairs of the key-value store after a replay." };
        Option<bool> objects = new("--objects") { Description = "The objects that have a home, from their records." };
        Option<int> shard = new("--shard") { Description = "Only this shard; -1 = all.", HelpName = "N", DefaultValueFactory = _ => -1 };
        ManualCommand inspect = new("inspect", "Show what is on a device: labels and superblocks, and what the options ask for. One line "
            + "each, or one JSON list.",
            "fastblock inspect /dev/nvme1n1", "fastblock inspect fastblock-data/osd.0.img --records --json", "fastblock inspect mon.img --pairs");
        inspect.Arguments.Add(device);
        foreach (Option option in (Option[])[log, records, pairs, objects, shard]) { inspect.Options.Add(option); }
        return inspect.Does(parsed =>
        {
            Wish wish = new(parsed.GetValue(log) || parsed.GetValue(records), parsed.GetValue(records), parsed.GetValue(pairs),
                parsed.GetValue(objects), parsed.GetValue(shard));
            bool json = parsed.GetValue(CommonOptions.Json);
            return OfflineDevice.Read(parsed.GetRequiredValue(device), async offline =>
            {
                using RowPrinter printer = new(json);
                await RunAsync(offline, wish, printer);
                return ExitCode.Ok;
            });
        });
    }

    private static async ReactorTask RunAsync(OfflineDevice offline, Wish wish, RowPrinter printer)
    {
        foreach (InspectRow row in await VolumeInspector.LabelsAsync(offline.Device)) { printer.Print(row); }
        VolumeLabel label = await offline.LabelAsync();
        if (wish.Shard >= label.Shards) { throw new OperatorException(ExitCode.NotFound, $"{offline.Path} has {label.Shards} shards, numbered from 0"); }
        for (int shard = 0; shard < label.Shards; shard++)
        {
            if (wish.Shard >= 0 && wish.Shard != shard) { continue; }
            foreach (InspectRow row in await VolumeInspector.SuperblocksAsync(offline.PartOf(label, shard))) { printer.Print(row); }
            if (wish.NeedsShard) { await ShardAsync(offline, label, shard, wish, printer); }
        }
    }

    private static async ReactorTask ShardAsync(OfflineDevice offline, VolumeLabel label, int shard, Wish wish, RowPrinter printer)
    {
        ShardVolumeResult opened = await offline.ShardAsync(label, shard);
        if (opened.Volume is not ShardVolume volume)
        {
            printer.Print(new InspectRow("problem").With("shard", shard).With("what", opened.Text));
            return;
        }
        if (wish.Log) { await LogInspector.BatchesAsync(volume, wish.Records, printer.Print); }
        if (!wish.Pairs && !wish.Objects) { return; }
        KvStore kv = new();
        _ = await LogInspector.CheckAsync(offline.Reactor, volume, kv, printer.Print);
        if (wish.Pairs) { LogInspector.PairRows(kv, printer.Print); }
        if (wish.Objects) { ObjectRows(kv, ObjectStoreOptions.For(volume), printer); }
    }

    private static void ObjectRows(KvStore kv, ObjectStoreOptions options, RowPrinter printer)
    {
        KvScan scan = kv.Scan(default);
        while (scan.Next())
        {
            string line = ObjectInspect.Describe(scan.Key, scan.Value, options.SlotsPerObject, options.BlocksPerAu);
            if (!line.StartsWith("not an object", StringComparison.Ordinal)) { printer.Print("object", line); }
        }
    }

    private readonly record struct Wish(bool Log, bool Records, bool Pairs, bool Objects, int Shard)
    {
        public bool NeedsShard => Log || Pairs || Objects;
    }
}

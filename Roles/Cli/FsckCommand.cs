using System;
using System.CommandLine;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock fsck</c>: proves that a device is consistent, or with --compare that the replicas of a running cluster
/// hold the same bytes. Repairs nothing: a read of a damaged block fails with an I/O error as long as its OSD serves it.</summary>
internal static class FsckCommand
{
    public static Command Create()
    {
        Argument<string?> target = new("target") { Description = "Device that no server has open; with --compare a pool.", HelpName = "PATH|POOL", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> compare = new("--compare") { Description = "Compare the replicas of every PG in the running cluster, byte by byte by their checksums." };
        ManualCommand fsck = new("fsck", "Check a device offline: labels, log, objects, every block against its checksum, space. Exits "
            + "with 1 when something is wrong.",
            "fastblock fsck /dev/nvme1n1", "fastblock fsck --compare", "fastblock fsck --compare vol --timeout 600");
        fsck.Arguments.Add(target);
        fsck.Options.Add(compare);
        return fsck.Does(parsed =>
        {
            bool json = parsed.GetValue(CommonOptions.Json);
            string? text = parsed.GetValue(target);
            if (parsed.GetValue(compare))
            {
                string? pool = text is null ? null : ImageSpec.ParseName(text, "pool");
                return ClusterSession.Run(parsed, session => new ReplicaCompare(session).RunAsync(pool));
            }
            if (text is null) { throw new OperatorException(ExitCode.Usage, "fsck: which device? (or --compare for the running cluster)"); }
            return OfflineDevice.Read(text, async offline =>
            {
                using RowPrinter printer = new(json);
                await CheckAsync(offline, printer);
                if (printer.Problems > 0) { Console.Error.WriteLine($"fastblock: {text}: {printer.Problems} problems"); }
                return printer.Problems == 0 ? ExitCode.Ok : ExitCode.Failed;
            });
        });
    }

    private static async ReactorTask CheckAsync(OfflineDevice offline, RowPrinter printer)
    {
        foreach (InspectRow row in await VolumeInspector.LabelsAsync(offline.Device)) { Check(row, printer); }
        VolumeLabel label = await offline.LabelAsync();
        for (int shard = 0; shard < label.Shards; shard++)
        {
            ShardVolumeResult opened = await offline.ShardAsync(label, shard);
            if (opened.Volume is not ShardVolume volume)
            {
                printer.Print(new InspectRow("problem").With("shard", shard).With("what", opened.Text));
                continue;
            }
            KvStore kv = new();
            bool isSound = await LogInspector.CheckAsync(offline.Reactor, volume, kv, printer.Print);
            if (isSound && label.Kind is NodeKind.Osd) { await CheckObjectsAsync(offline.Reactor, volume, kv, shard, printer); }
        }
    }

    /// <summary>A copy that is not as it should be is a problem even where another copy is good.</summary>
    private static void Check(InspectRow row, RowPrinter printer)
    {
        printer.Print(row);
        foreach ((string name, string value) in row.Fields)
        {
            if (name == "state" && value != nameof(BlockState.Valid)) { printer.Print(new InspectRow("problem").With("what", $"{row.Kind} copy is {value}")); }
        }
    }

    /// <summary>Every block of every object that has a home.</summary>
    private static async ReactorTask CheckObjectsAsync(Reactor reactor, ShardVolume volume, KvStore kv, int shard, RowPrinter printer)
    {
        using ObjectStore store = new(reactor, volume, kv);
        DamagePrinter damage = new(printer);
        _ = store.Load(damage);
        ObjectAuditResult result = await new ObjectAudit(store).CheckAsync(damage);
        printer.Print(new InspectRow("objects").With("shard", shard).With("objects", result.Objects).With("blocks", result.Blocks)
            .With("damages", result.Damages).With("used_bytes", store.UsedBytes).With("total_bytes", store.TotalBytes));
    }

    private sealed class DamagePrinter(RowPrinter printer) : IObjectDamageSink
    {
        public void OnDamage(PgId group, ObjectId obj, ObjectDamage damage, int block) =>
            printer.Print(new InspectRow("problem").With("what", damage.ToString()).With("group", group.ToString())
                .With("image", obj.Image.Value).With("object", obj.Index).With("block", block));
    }
}

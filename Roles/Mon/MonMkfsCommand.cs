using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;
using Fastblock.Roles.Hosting;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Mon;

/// <summary><c>fastblock mon mkfs</c>: prepares a file or block device for one monitor of a new cluster.</summary>
internal static class MonMkfsCommand
{
    /// <summary>A store of a few MiB, written over and over: room for the log to be cleaned at leisure.</summary>
    public const long DefaultFileBytes = 256 * Units.MiB;

    public static Command Create()
    {
        Option<string> device = new("--device", "-d") { Description = "File or block device to prepare; a file is made if there is none.", HelpName = "PATH", Required = true };
        Option<uint> id = new("--id") { Description = "Which of --mons this one is, from 0.", HelpName = "N" };
        Option<string?> mons = new("--mons") { Description = "Addresses of all 1, 3 or 5 monitors, the same for each.", HelpName = "HOST:PORT,..." };
        Option<string?> cluster = new("--cluster") { Description = "Uuid of the cluster, the same for each monitor; a new one when there is one monitor.", HelpName = "UUID" };
        Option<int> shards = new("--shards") { Description = "Shards of every OSD: as many cores can serve one OSD. Fixed for ever.", HelpName = "N", DefaultValueFactory = _ => 1 };
        Option<string?> size = new("--size") { Description = "Size of a file that is made; 256M by default.", HelpName = "SIZE" };
        Option<bool> force = new("--force") { Description = "Overwrite a device that belongs to a cluster. A monitor that is made anew cannot come back under its old id." };
        ManualCommand mkfs = new("mkfs", "Prepare a device for a monitor of a new cluster.",
            "fastblock mon mkfs --device /var/lib/fastblock/mon --mons 10.0.0.1:7300",
            "fastblock mon mkfs --device ./mon1 --id 1 --mons 10.0.0.1:7300,10.0.0.2:7300,10.0.0.3:7300 --cluster $(uuidgen)");
        foreach (Option option in (Option[])[device, id, mons, cluster, shards, size, force]) { mkfs.Options.Add(option); }
        return mkfs.Does(parsed =>
        {
            FastblockConfig config = CommonOptions.ConfigOf(parsed);
            if (parsed.GetValue(mons) is string list) { config = config with { Cluster = config.Cluster with { Mons = list.Split(',') } }; }
            IReadOnlyList<NetAddress> addresses = CommonOptions.MonsOf(config);
            MonMkfs what = new()
            {
                Cluster = ClusterOf(parsed.GetValue(cluster), addresses.Count),
                Id = new MonId(parsed.GetValue(id)),
                Mons = addresses,
                Shards = parsed.GetValue(shards),
                Store = Guid.NewGuid(),
                Force = parsed.GetValue(force),
                CreatedWallMillis = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            };
            if (what.WhyNot() is { } wrong) { throw new OperatorException(ExitCode.Usage, $"mon mkfs: {wrong}"); }
            long bytes = parsed.GetValue(size) is string text ? DeviceFile.ParseSize(text) : DefaultFileBytes;
            return Run(parsed.GetRequiredValue(device), bytes, what, parsed.GetValue(CommonOptions.Json));
        });
    }

    private static Guid ClusterOf(string? text, int mons)
    {
        if (text is null)
        {
            return mons == 1 ? Guid.NewGuid() : throw new OperatorException(ExitCode.Usage,
                "mon mkfs: several monitors need the same cluster uuid: give --cluster, for example from uuidgen");
        }
        return Guid.TryParse(text, out Guid uuid) ? uuid
            : throw new OperatorException(ExitCode.Usage, $"mon mkfs: --cluster '{text}' is not a uuid");
    }

    private static ExitCode Run(string path, long newBytes, MonMkfs what, bool json)
    {
        bool made = MakeFile(path, newBytes);
        VolumeResult result;
        using (UringFile opened = DeviceFile.Open(path, "mon mkfs"))
        {
            using ClientReactor thread = ClientReactor.Create();
            result = thread.RunToEnd(() => what.RunAsync(thread.Reactor, new UringDevice(thread.Reactor, opened)));
        }
        if (result.Status is not VolumeStatus.Ok)
        {
            if (made) { File.Delete(path); }
            throw new OperatorException(CodeOf(result.Status), $"mon mkfs: {path}: {result.Text}");
        }
        Print(path, what, json);
        return ExitCode.Ok;
    }

    public static bool MakeFile(string path, long bytes)
    {
        if (File.Exists(path) || path.StartsWith("/dev/", StringComparison.Ordinal)) { return false; }
        DeviceFile.Create(path, bytes, "mon mkfs");
        return true;
    }

    public static ExitCode CodeOf(VolumeStatus status) => status switch
    {
        VolumeStatus.AlreadyFormatted => ExitCode.Exists,
        VolumeStatus.TooSmall or VolumeStatus.Invalid => ExitCode.Usage,
        VolumeStatus.Io => ExitCode.Failed,
        _ => ExitCode.WrongState,
    };

    public static void Print(string path, MonMkfs what, bool json) => CommandOutput.Print(json, writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("id", what.Id.Value);
        writer.WriteString("cluster", what.Cluster);
        writer.WriteString("store", what.Store);
        writer.WriteNumber("shards", what.Shards);
        writer.WriteEndObject();
    }, output => output.WriteLine($"mon.{what.Id.Value} of cluster {what.Cluster} on {path}"));
}

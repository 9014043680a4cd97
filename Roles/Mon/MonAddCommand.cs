using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;
using Fastblock.Roles.Hosting;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Mon;

/// <summary><c>fastblock mon add</c>: prepares a file or block device for one more monitor of a running cluster, and registers it. Started
/// on it, the monitor is taken in.</summary>
internal static class MonAddCommand
{
    public static Command Create()
    {
        Option<string> device = new("--device", "-d") { Description = "File or block device to prepare; a file is made if there is none.", HelpName = "PATH", Required = true };
        Option<string> address = new("--address") { Description = "Where the new monitor will listen: what all others know it by.", HelpName = "ADDR:PORT", Required = true };
        Option<string?> size = new("--size") { Description = "Size of a file that is made; 256M by default.", HelpName = "SIZE" };
        Option<bool> force = new("--force") { Description = "Overwrite a device that belongs to a cluster, for example that of a removed monitor." };
        ManualCommand add = new("add", "Prepare a device for one more monitor of a running cluster, and get an id for it.",
            "fastblock mon add --device /var/lib/fastblock/mon --address 10.0.0.4:7300 --mon 10.0.0.1:7300",
            "fastblock mon --device /var/lib/fastblock/mon");
        foreach (Option option in (Option[])[device, address, size, force]) { add.Options.Add(option); }
        return add.Does(parsed =>
        {
            string path = parsed.GetRequiredValue(device);
            NetAddress own = CommonOptions.Address(parsed.GetRequiredValue(address), CommonOptions.MonPortDefault, "--address");
            long bytes = parsed.GetValue(size) is string text ? DeviceFile.ParseSize(text) : MonMkfsCommand.DefaultFileBytes;
            return ClusterSession.Run(parsed, session => RunAsync(session, path, own, bytes, parsed.GetValue(force)));
        });
    }

    private static async ReactorTask<ExitCode> RunAsync(ClusterSession session, string path, NetAddress address, long newBytes, bool force)
    {
        Guid store = Guid.NewGuid();
        // A refusal leaves the device as it was, and no id is spent.
        _ = await AskAsync(session, store, address, checkOnly: true);
        bool made = MonMkfsCommand.MakeFile(path, newBytes);
        try
        {
            using UringFile opened = DeviceFile.Open(path, "mon add");
            UringDevice device = new(session.Reactor, opened);
            await RefuseFormattedAsync(session.Reactor, device, path, force);
            ControlReply reply = await AskAsync(session, store, address, checkOnly: false);
            MonMkfs what = Mkfs(reply, store);
            VolumeResult result = await what.RunAsync(session.Reactor, device);
            if (result.Status is not VolumeStatus.Ok)
            {
                throw new OperatorException(MonMkfsCommand.CodeOf(result.Status),
                    $"mon add: {path}: {result.Text}; 'fastblock mon rm {what.Id.Value}' takes back what the cluster has noted");
            }
            MonMkfsCommand.Print(path, what, session.Json);
            return ExitCode.Ok;
        }
        catch (OperatorException) when (made)
        {
            File.Delete(path);
            throw;
        }
    }

    private static ReactorTask<ControlReply> AskAsync(ClusterSession session, Guid store, NetAddress address, bool checkOnly) =>
        session.AskAsync(new ControlRequest
        {
            MonAdd = new MonAddRequest { StoreUuid = UuidBytes.ToBytes(store), Address = address.ToString(), CheckOnly = checkOnly },
        }, "mon add");

    private static MonMkfs Mkfs(ControlReply reply, Guid store)
    {
        MonAddResult added = reply.MonAddResult ?? throw Malformed();
        List<MonInfo> mons = [];
        foreach (MonRecord record in added.Mons)
        {
            if (!MonInfo.TryRead(record, out MonInfo? mon)) { throw Malformed(); }
            mons.Add(mon);
        }
        if (!UuidBytes.TryRead(added.ClusterUuid, out Guid cluster) || cluster == Guid.Empty || mons.Count == 0) { throw Malformed(); }
        return new MonMkfs
        {
            Cluster = cluster,
            Id = new MonId(added.Id),
            Joins = mons,
            JoinsRevision = reply.Revision,
            Shards = (int)added.Shards,
            Store = store,
            Force = true, // looked at before
            CreatedWallMillis = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
        };
    }

    private static OperatorException Malformed() => new(ExitCode.Failed, "mon add: the monitors' answer makes no sense to this version");

    private static async ReactorTask RefuseFormattedAsync(Reactor reactor, UringDevice device, string path, bool force)
    {
        if (force) { return; }
        VolumeResult present = await DeviceVolume.OpenAsync(reactor, device, new VolumeExpectation());
        if (present.Status is VolumeStatus.NotFormatted) { return; }
        string owner = present.Label is { } label ? $" of {DeviceVolume.NameOf(label)} of cluster {label.Cluster}" : "";
        throw new OperatorException(ExitCode.Exists, $"mon add: {path} carries the label{owner}; --force overwrites it");
    }
}

using System;
using System.CommandLine;
using System.IO;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;
using Fastblock.Roles.Hosting;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Osd;

/// <summary><c>fastblock osd mkfs</c>: prepares a file or block device for one new OSD.</summary>
internal static class OsdMkfsCommand
{
    public static Command Create()
    {
        Option<string> device = new("--device", "-d") { Description = "File or block device to prepare.", HelpName = "PATH", Required = true };
        Option<string?> size = new("--size") { Description = "Make a new (sparse) file of this size first; one that a killed mkfs left is taken over.", HelpName = "SIZE" };
        Option<string?> host = new("--host") { Description = "Failure domain: the machine's name by default.", HelpName = "NAME" };
        Option<string> rack = new("--rack") { Description = "Outer failure domain.", HelpName = "NAME", DefaultValueFactory = _ => "" };
        Option<ulong> weight = new("--weight") { Description = "Share of the data; the size in MiB by default.", HelpName = "N" };
        Option<bool> force = new("--force") { Description = "Overwrite a device that belongs to a cluster. Its data is lost." };
        ManualCommand mkfs = new("mkfs", "Prepare a device for a new OSD and get an id for it.",
            "fastblock osd mkfs --device /dev/nvme1n1 --mon 10.0.0.1:7300",
            "fastblock osd mkfs --device ./osd0.img --size 20G --host a");
        foreach (Option option in (Option[])[device, size, host, rack, weight, force]) { mkfs.Options.Add(option); }
        return mkfs.Does(parsed => ClusterSession.Run(parsed, session => RunAsync(session,
            parsed.GetRequiredValue(device),
            parsed.GetValue(size) is string text ? DeviceFile.ParseSize(text) : 0,
            new OsdMkfs.Place(parsed.GetValue(host) ?? Environment.MachineName, parsed.GetValue(rack) ?? "", parsed.GetValue(weight)),
            parsed.GetValue(force))));
    }

    private static async ReactorTask<ExitCode> RunAsync(
        ClusterSession session, string path, long newBytes, OsdMkfs.Place place, bool force)
    {
        if (newBytes == 0 && !Path.Exists(path))
        {
            throw new OperatorException(ExitCode.NotFound, $"osd mkfs: {path} does not exist; --size SIZE makes a new file");
        }
        bool isMade = newBytes > 0 && MakeFile(path, newBytes);
        bool isAsked = false;
        try
        {
            using UringFile opened = DeviceFile.Open(path, "osd mkfs");
            UringDevice device = new(session.Reactor, opened);
            // Before an id is taken, which is never used again: nothing of what follows should fail.
            bool isFormatted = await IsFormattedAsync(session.Reactor, device, path, force);
            Guid cluster = await RefuseTooSmallAsync(session, device, path);
            Guid? begun = isFormatted ? null : await MkfsMark.ReadAsync(device, cluster);
            if (newBytes > 0 && !isMade && begun is null) { throw Exists(path); }
            isAsked = true;
            VolumeFormatOptions options = await RegisterAsync(session, device, path, cluster, begun, place, force);
            await OsdMkfs.FormatAsync(session.Reactor, device, options);
            Require(await MkfsMark.ClearAsync(device), path);
            Print(session.Json, path, options);
            return ExitCode.Ok;
        }
        catch (OperatorException failure) when (isMade)
        {
            // With the outcome unknown the cluster may have given an id to the uuid in this file: a repetition needs it.
            bool isUnknown = isAsked && failure.Code is (ExitCode.Timeout or ExitCode.NoConnection);
            if (!isUnknown) { File.Delete(path); }
            throw;
        }
    }

    /// <summary>Gets an id for the uuid under which an mkfs of this device has begun; else for a new one, which is written down first.</summary>
    private static async ReactorTask<VolumeFormatOptions> RegisterAsync(
        ClusterSession session, UringDevice device, string path, Guid cluster, Guid? begun, OsdMkfs.Place place, bool force)
    {
        if (begun is { } known)
        {
            try
            {
                return await OsdMkfs.RegisterAsync(session, known, device.SizeBytes, place, force);
            }
            catch (OperatorException refusal) when (refusal.Code is ExitCode.WrongState)
            {
                // An OSD has run with that uuid, so the mark is a leftover: this device becomes a new one.
            }
        }
        Guid uuid = Guid.NewGuid();
        await OsdMkfs.CheckAsync(session, uuid, device.SizeBytes, place); // a refusal leaves the device as it was
        Require(await MkfsMark.WriteAsync(device, cluster, uuid), path);
        return await OsdMkfs.RegisterAsync(session, uuid, device.SizeBytes, place, force);
    }

    private static void Require(Errno written, string path)
    {
        if (written is not Errno.None) { throw OperatorException.FromErrno(written, $"osd mkfs: {path} cannot be written"); }
    }

    /// <returns>False for a file of this size that is there: an mkfs that was cut short may have made it.</returns>
    private static bool MakeFile(string path, long bytes)
    {
        if (File.Exists(path) && new FileInfo(path).Length == bytes / Units.BlockBytes * Units.BlockBytes) { return false; }
        if (Path.Exists(path)) { throw Exists(path); }
        DeviceFile.Create(path, bytes, "osd mkfs");
        return true;
    }

    private static OperatorException Exists(string path) =>
        new(ExitCode.Exists, $"osd mkfs: {path} exists; leave out --size to use it as it is");

    /// <returns>The cluster's uuid.</returns>
    private static async ReactorTask<Guid> RefuseTooSmallAsync(ClusterSession session, UringDevice device, string path)
    {
        ClusterMap map = await session.MapAsync();
        VolumeFormatOptions planned = new() { Cluster = map.Cluster!.Uuid, Kind = NodeKind.Osd, NodeId = 0, Device = Guid.NewGuid(), Shards = map.Cluster.Shards };
        VolumeStatus status = VolumeGeometry.TryPlan(device.SizeBytes, planned, out _, out string text);
        if (status != VolumeStatus.Ok) { throw new OperatorException(OsdMkfs.CodeOf(status), $"osd mkfs: {path}: {text}"); }
        return planned.Cluster;
    }

    /// <returns>Whether there is something on it that may be overwritten.</returns>
    private static async ReactorTask<bool> IsFormattedAsync(Reactor reactor, UringDevice device, string path, bool force)
    {
        VolumeResult present = await DeviceVolume.OpenAsync(reactor, device, new VolumeExpectation());
        if (present.Status == VolumeStatus.NotFormatted) { return false; }
        if (force) { return true; }
        string owner = present.Label is { } label ? $" of {DeviceVolume.NameOf(label)} of cluster {label.Cluster}" : "";
        throw new OperatorException(ExitCode.Exists,
            $"osd mkfs: {path} carries the label{owner}; --force overwrites it, and its data is lost");
    }

    private static void Print(bool json, string path, VolumeFormatOptions options) => CommandOutput.Print(json, writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("id", options.NodeId);
        writer.WriteString("device", options.Device);
        writer.WriteString("cluster", options.Cluster);
        writer.WriteNumber("shards", options.Shards);
        writer.WriteEndObject();
    }, output => output.WriteLine($"osd.{options.NodeId} of cluster {options.Cluster} on {path}, {options.Shards} shards"));
}

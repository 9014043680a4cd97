using System;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Osd;

/// <summary>Prepares a device: asks the monitors for an id and writes who it belongs to onto the device itself.</summary>
internal static class OsdMkfs
{
    /// <summary>Where a new OSD stands, told to the monitors once.</summary>
    internal sealed record Place(string Host, string Rack, ulong Weight);

    /// <summary>Registers a new device with the cluster. Nothing is written to it.</summary>
    /// <param name="device">A new, random uuid.</param>
    public static async ReactorTask<VolumeFormatOptions> RegisterAsync(
        ClusterSession session, Guid device, long sizeBytes, Place place, bool force)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest { OsdNew = RequestOf(device, sizeBytes, place) }, "osd mkfs");
        OsdNewResult result = reply.OsdNewResult;
        bool isUuid = UuidBytes.TryRead(result.ClusterUuid, out Guid cluster);
        return isUuid && result.Shards > 0 ? new VolumeFormatOptions
        {
            Cluster = cluster,
            Kind = NodeKind.Osd,
            NodeId = result.Id,
            Device = device,
            Shards = (int)result.Shards,
            CreatedWallMillis = session.Reactor.Clock.WallMillis,
            Force = force,
        } : throw new OperatorException(ExitCode.Failed, "osd mkfs: the monitors gave an answer that makes no sense");
    }

    /// <summary>Asks whether an id would be given out, and throws when it would not: after that nothing but an accident keeps
    /// the device from being made, so it may be written to.</summary>
    public static async ReactorTask CheckAsync(ClusterSession session, Guid device, long sizeBytes, Place place)
    {
        OsdNewRequest request = RequestOf(device, sizeBytes, place);
        request.CheckOnly = true;
        _ = await session.AskAsync(new ControlRequest { OsdNew = request }, "osd mkfs");
    }

    private static OsdNewRequest RequestOf(Guid device, long sizeBytes, Place place) => new()
    {
        DeviceUuid = UuidBytes.ToBytes(device),
        Host = place.Host,
        Rack = place.Rack,
        Weight = place.Weight,
        SizeBytes = sizeBytes,
    };

    /// <summary>Writes label, superblocks and empty logs.</summary>
    public static async ReactorTask FormatAsync(Reactor reactor, IBlockDevice device, VolumeFormatOptions options)
    {
        VolumeResult result = await DeviceVolume.FormatAsync(reactor, device, options);
        if (result.Status != VolumeStatus.Ok) { throw new OperatorException(CodeOf(result.Status), result.Text); }
    }

    public static ExitCode CodeOf(VolumeStatus status) => status switch
    {
        VolumeStatus.AlreadyFormatted => ExitCode.Exists,
        VolumeStatus.NotFormatted or VolumeStatus.WrongCluster or VolumeStatus.WrongNode or VolumeStatus.WrongShardCount
            or VolumeStatus.UnknownVersion or VolumeStatus.UnknownFeature => ExitCode.WrongState,
        VolumeStatus.TooSmall or VolumeStatus.Invalid => ExitCode.Usage,
        _ => ExitCode.Failed,
    };
}

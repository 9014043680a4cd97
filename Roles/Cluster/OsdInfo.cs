using System;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Net.Transport;
using Google.Protobuf;

namespace Fastblock.Roles.Cluster;

/// <summary>One OSD as the map knows it.</summary>
internal sealed record OsdInfo
{
    public OsdId Id { get; init; }

    /// <summary>Of its device, for ever: another uuid under this id is refused.</summary>
    public Guid Device { get; init; }

    /// <summary>Where clients reach it; null until its first boot.</summary>
    public NetAddress? PublicAddress { get; init; }

    /// <summary>Where other OSDs reach it.</summary>
    public NetAddress? ClusterAddress { get; init; }

    public string Host { get; init; } = "";
    public string Rack { get; init; } = "";

    /// <summary>Share of the data, relative to other OSDs; by default the size in MiB.</summary>
    public ulong Weight { get; init; }

    public int Shards { get; init; }

    /// <summary>Heard of lately. Says nothing about quorums: those are the PGs' own business.</summary>
    public bool Up { get; init; }

    /// <summary>Takes part in placement.</summary>
    public bool In { get; init; }

    /// <summary>The monitors put it out because it was silent: back in with its next boot.</summary>
    public bool AutoOut { get; init; }

    public long SizeBytes { get; init; }

    /// <summary>Counts its boots, so that a late heartbeat of an earlier one is told apart.</summary>
    public ulong Boots { get; init; }

    /// <summary>Takes no new data: PGs with a replica there refuse writes that need room.</summary>
    public bool Full { get; init; }

    /// <summary>Soon to be full.</summary>
    public bool NearFull { get; init; }

    /// <summary>Why it ended, if it could say so; empty again with its next boot.</summary>
    public string DownReason { get; init; } = "";

    /// <summary>Revision of the last change of this record.</summary>
    public Epoch Changed { get; init; }

    /// <returns>False when the bytes are no valid record.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, Epoch changed, out OsdInfo info)
    {
        info = new OsdInfo();
        if (!ProtoReader.TryParse(OsdRecord.Parser, bytes, out OsdRecord record)) { return false; }
        if (!UuidBytes.TryRead(record.DeviceUuid, out Guid device) || record.Id >= ClusterLimits.MaxOsds) { return false; }
        if (!TryReadAddress(record.PublicAddress, out NetAddress? publicAddress)) { return false; }
        if (!TryReadAddress(record.ClusterAddress, out NetAddress? clusterAddress)) { return false; }
        if (record.Shards > ClusterLimits.MaxShards || record.SizeBytes < 0) { return false; }
        info = new OsdInfo
        {
            Id = new OsdId(record.Id),
            Device = device,
            PublicAddress = publicAddress,
            ClusterAddress = clusterAddress,
            Host = record.Host,
            Rack = record.Rack,
            Weight = record.Weight,
            Shards = (int)record.Shards,
            Up = record.Up,
            In = record.In,
            SizeBytes = record.SizeBytes,
            Boots = record.Boots,
            Full = record.Full,
            NearFull = record.NearFull,
            AutoOut = record.AutoOut,
            DownReason = record.DownReason,
            Changed = changed,
        };
        return true;
    }

    public byte[] ToBytes() => new OsdRecord
    {
        Id = Id.Value,
        DeviceUuid = UuidBytes.ToBytes(Device),
        PublicAddress = PublicAddress?.ToString() ?? "",
        ClusterAddress = ClusterAddress?.ToString() ?? "",
        Host = Host,
        Rack = Rack,
        Weight = Weight,
        Shards = (uint)Shards,
        Up = Up,
        In = In,
        SizeBytes = SizeBytes,
        Boots = Boots,
        Full = Full,
        NearFull = NearFull,
        AutoOut = AutoOut,
        DownReason = DownReason,
    }.ToByteArray();

    private static bool TryReadAddress(string text, out NetAddress? address)
    {
        address = null;
        return text.Length == 0 || NetAddress.TryParse(text, 0, out address);
    }
}

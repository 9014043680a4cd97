using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Device;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Volume;

namespace Fastblock.Roles.Mon;

/// <summary>What `mon mkfs` makes a device from.</summary>
internal sealed record MonMkfs
{
    /// <summary>The same for all monitors of a cluster.</summary>
    public required Guid Cluster { get; init; }

    public required MonId Id { get; init; }

    /// <summary>Of a new cluster: where each monitor listens; the id is the place in the list. 1, 3 or 5.</summary>
    public IReadOnlyList<NetAddress> Mons { get; init; } = [];

    /// <summary>Not empty = the cluster exists, and these are its monitors, with this one: it founds nothing.</summary>
    public IReadOnlyList<MonInfo> Joins { get; init; } = [];

    /// <summary>Of the cluster's store, when <see cref="Joins"/> were its monitors.</summary>
    public ulong JoinsRevision { get; init; }

    /// <summary>Shards of every OSD of the cluster, for ever.</summary>
    public int Shards { get; init; } = 1;

    /// <summary>A new, random uuid: the store that this device now holds.</summary>
    public required Guid Store { get; init; }

    /// <summary>Also where there is a valid label.</summary>
    public bool Force { get; init; }

    public long CreatedWallMillis { get; init; }

    /// <summary>Of a new cluster.</summary>
    /// <returns>Null when it makes sense, else what does not.</returns>
    public string? WhyNot()
    {
        if (Mons.Count is not (1 or 3 or 5)) { return $"{Mons.Count} monitors: use 1, 3 or 5"; }
        if (Id.Value >= Mons.Count) { return $"monitor id {Id.Value}: must be below the number of monitors, {Mons.Count}"; }
        if (Shards is < 1 or > ClusterLimits.MaxShards) { return $"{Shards} shards: must be 1 to {ClusterLimits.MaxShards}"; }
        if (Cluster == Guid.Empty || Store == Guid.Empty) { return "the uuid must not be all zeros"; }
        SortedSet<string> seen = new(StringComparer.Ordinal);
        foreach (NetAddress mon in Mons)
        {
            if (mon.Port == 0) { return $"{mon}: a monitor needs a fixed port"; }
            if (!seen.Add(mon.ToString())) { return $"{mon} is named twice"; }
        }
        return null;
    }

    /// <summary>Writes the label, an empty store, and who this monitor is; durable on return.</summary>
    /// <returns>Ok, or what went wrong in words.</returns>
    public async ReactorTask<VolumeResult> RunAsync(Reactor reactor, IBlockDevice device)
    {
        VolumeFormatOptions format = new()
        {
            Cluster = Cluster,
            Kind = NodeKind.Mon,
            NodeId = Id.Value,
            Device = Store,
            CreatedWallMillis = CreatedWallMillis,
            Force = Force,
        };
        VolumeResult made = await DeviceVolume.FormatAsync(reactor, device, format);
        if (made.Status is not VolumeStatus.Ok) { return made; }
        VolumeLabel label = made.Label!;
        DevicePartition part = new(reactor, device, label.PartOffset(0), label.PartBytes);
        ShardVolumeResult volume = await ShardVolume.OpenAsync(reactor, part, label, 0);
        if (volume.Status is not VolumeStatus.Ok) { return new VolumeResult(volume.Status, label, volume.Text); }
        KvStore kv = new();
        LogOpenResult opened = await DiskLog.OpenAsync(reactor, volume.Volume!, new DiskLogOptions(), new RaftReplay(), kv);
        if (opened.Status is not Errno.None) { return new VolumeResult(VolumeStatus.Io, label, opened.Text); }
        DurableSignal written = new();
        Errno status = new MonDisk(kv).WriteIdentity(Identity(), written, out ulong sequence);
        if (status is Errno.None)
        {
            written.Sequence = sequence;
            status = await written.Signal;
        }
        Errno closed = await opened.Log!.CloseAsync();
        status = status is Errno.None ? closed : status;
        return status is Errno.None ? made : new VolumeResult(VolumeStatus.Io, label, $"the device failed: {status}");
    }

    private MonIdentity Identity()
    {
        MonIdentity identity = new()
        {
            ClusterUuid = UuidBytes.ToBytes(Cluster),
            MonId = Id.Value,
            StoreUuid = UuidBytes.ToBytes(Store),
            Shards = (uint)Shards,
            CreatedMs = CreatedWallMillis,
            Joins = Joins.Count > 0,
            MembersRevision = JoinsRevision,
        };
        foreach (MonInfo mon in Joins)
        {
            identity.Members.Add(new MonIdentityMember { Id = mon.Id.Value, Address = mon.Address.ToString(), StoreUuid = UuidBytes.ToBytes(mon.Store) });
        }
        for (int i = 0; i < Mons.Count; i++)
        {
            identity.Members.Add(new MonIdentityMember
            {
                Id = (uint)i,
                Address = Mons[i].ToString(),
                StoreUuid = i == Id.Value ? UuidBytes.ToBytes(Store) : Google.Protobuf.ByteString.Empty,
            });
        }
        return identity;
    }
}

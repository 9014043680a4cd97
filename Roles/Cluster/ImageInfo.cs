using System;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Google.Protobuf;

namespace Fastblock.Roles.Cluster;

/// <summary>One image as the map knows it.</summary>
internal sealed record ImageInfo
{
    public ImageId Id { get; init; }
    public string Name { get; init; } = "";
    public PoolId Pool { get; init; }

    /// <summary>A multiple of 512.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Counts how often it was cut; within one it only grows.</summary>
    public ulong SizeGeneration { get; init; }

    /// <summary>Not every PG has logged the newest cut yet: until then it cannot grow.</summary>
    public bool IsShrinking { get; init; }

    public long CreatedMillis { get; init; }
    public ImageState State { get; init; }

    /// <summary>Of the newest owner, alive or not; 0 = never owned. Every PG refuses lower ones.</summary>
    public ulong OwnerGeneration { get; init; }

    /// <summary>Acquired and not released.</summary>
    public bool Owned { get; init; }

    public Guid OwnerInstance { get; init; }
    public string OwnerDescription { get; init; } = "";
    public long AcquiredMillis { get; init; }

    /// <summary>Revision of the last change of this record.</summary>
    public Epoch Changed { get; init; }

    /// <returns>False when the bytes are no valid record.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, Epoch changed, out ImageInfo info)
    {
        info = new ImageInfo();
        if (!ProtoReader.TryParse(ImageRecord.Parser, bytes, out ImageRecord record)) { return false; }
        if (record.Id == 0 || record.Pool is 0 or > ClusterLimits.MaxPools || !Names.IsValid(record.Name)) { return false; }
        if (!IsValidSize(record.SizeBytes)) { return false; }
        if (!UuidBytes.TryRead(record.OwnerInstance, out Guid instance)) { return false; }
        info = new ImageInfo
        {
            Id = new ImageId(record.Id),
            Name = record.Name,
            Pool = new PoolId(record.Pool),
            SizeBytes = record.SizeBytes,
            SizeGeneration = record.SizeGeneration,
            IsShrinking = record.Shrinking,
            CreatedMillis = record.CreatedMs,
            State = record.State == ImageRecordState.ImagePurging ? ImageState.Purging : ImageState.Ready,
            OwnerGeneration = record.OwnerGeneration,
            Owned = record.Owned,
            OwnerInstance = instance,
            OwnerDescription = record.OwnerDescription,
            AcquiredMillis = record.AcquiredMs,
            Changed = changed,
        };
        return true;
    }

    public static bool IsValidSize(long bytes) =>
        bytes is > 0 and <= ClusterLimits.MaxImageBytes && bytes % Units.SectorBytes == 0;

    public byte[] ToBytes() => new ImageRecord
    {
        Id = Id.Value,
        Name = Name,
        Pool = Pool.Value,
        SizeBytes = SizeBytes,
        SizeGeneration = SizeGeneration,
        Shrinking = IsShrinking,
        CreatedMs = CreatedMillis,
        State = State == ImageState.Purging ? ImageRecordState.ImagePurging : ImageRecordState.ImageReady,
        OwnerGeneration = OwnerGeneration,
        Owned = Owned,
        OwnerInstance = UuidBytes.ToBytes(OwnerInstance),
        OwnerDescription = OwnerDescription,
        AcquiredMs = AcquiredMillis,
    }.ToByteArray();
}

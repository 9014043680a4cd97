using System;
using System.Numerics;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Google.Protobuf;

namespace Fastblock.Roles.Cluster;

/// <summary>One pool as the map knows it.</summary>
internal sealed record PoolInfo
{
    public PoolId Id { get; init; }
    public string Name { get; init; } = "";

    /// <summary>1, 3 or 5.</summary>
    public int Replicas { get; init; }

    /// <summary>A power of two.</summary>
    public int PgCount { get; init; }

    /// <summary>Size of an object: the slice of an image that lies in one PG.</summary>
    public int ObjectBytes { get; init; }

    public FailureDomain FailureDomain { get; init; }
    public long CreatedMillis { get; init; }

    /// <summary>Revision of the last change of this record.</summary>
    public Epoch Changed { get; init; }

    /// <returns>False when the bytes are no valid record.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, Epoch changed, out PoolInfo info)
    {
        info = new PoolInfo();
        if (!ProtoReader.TryParse(PoolRecord.Parser, bytes, out PoolRecord record)) { return false; }
        if (record.Id is 0 or > ClusterLimits.MaxPools || !Names.IsValid(record.Name)) { return false; }
        if (record.Replicas is not (1 or 3 or 5)) { return false; }
        if (record.PgCount > ClusterLimits.MaxPgsPerPool || !BitOperations.IsPow2(record.PgCount)) { return false; }
        if (!IsValidObjectBytes(record.ObjectBytes) || !IsValid(record.FailureDomain)) { return false; }
        info = new PoolInfo
        {
            Id = new PoolId(record.Id),
            Name = record.Name,
            Replicas = (int)record.Replicas,
            PgCount = (int)record.PgCount,
            ObjectBytes = (int)record.ObjectBytes,
            FailureDomain = (FailureDomain)record.FailureDomain,
            CreatedMillis = record.CreatedMs,
            Changed = changed,
        };
        return true;
    }

    public static bool IsValidObjectBytes(uint bytes) =>
        bytes is >= ClusterLimits.MinObjectBytes and <= ClusterLimits.MaxObjectBytes && BitOperations.IsPow2(bytes);

    /// <summary>The values are the same in records and requests.</summary>
    public static bool IsValid(FailureDomainKind kind) =>
        kind is FailureDomainKind.FailureDomainHost or FailureDomainKind.FailureDomainOsd or FailureDomainKind.FailureDomainRack;

    public byte[] ToBytes() => new PoolRecord
    {
        Id = Id.Value,
        Name = Name,
        Replicas = (uint)Replicas,
        PgCount = (uint)PgCount,
        ObjectBytes = (uint)ObjectBytes,
        FailureDomain = (FailureDomainKind)FailureDomain,
        CreatedMs = CreatedMillis,
    }.ToByteArray();
}

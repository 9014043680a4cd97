using System;

namespace Fastblock.Storage.Volume;

/// <summary>Whose device is expected. Null = take what is there.</summary>
internal sealed record VolumeExpectation
{
    public Guid? Cluster { get; init; }
    public NodeKind? Kind { get; init; }
    public uint? NodeId { get; init; }
    public int? Shards { get; init; }
}

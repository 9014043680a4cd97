using System.Collections.Generic;
using Fastblock.Storage.Objects;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>What one replica of a PG holds, as checksums of its objects.</summary>
internal sealed record ReplicaContents(string Osd, ulong Applied, List<ObjectChecksum> Objects, ulong EmptyDigest)
{
    /// <summary>In what two replicas differ; empty = in nothing.</summary>
    public string Compare(ReplicaContents other)
    {
        if (Applied != other.Applied) { return $"{Osd} is at {Applied}, {other.Osd} at {other.Applied}"; }
        ulong own = ObjectChecksum.Combine(Objects, EmptyDigest);
        if (own == ObjectChecksum.Combine(other.Objects, other.EmptyDigest)) { return ""; }
        return $"{Osd} has {List()}, {other.Osd} has {other.List()} (at {Applied})";
    }

    private string List()
    {
        var text = new System.Text.StringBuilder();
        foreach (ObjectChecksum one in Objects)
        {
            if (one.Digest != EmptyDigest) { _ = text.Append($"[image {one.Object.Image.Value} object {one.Object.Index} version {one.Version} digest {one.Digest:x}]"); }
        }
        return text.ToString();
    }
}

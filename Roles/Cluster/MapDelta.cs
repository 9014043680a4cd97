using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>What one step of the map changed: ids of records that were put or deleted. Valid during the call that brings it;
/// filled anew for each.</summary>
internal sealed class MapDelta
{
    /// <summary>Everything may have changed: compare all, the lists are empty.</summary>
    public bool Full { get; set; }

    public bool Cluster { get; set; }
    public List<OsdId> Osds { get; } = [];
    public List<PoolId> Pools { get; } = [];
    public List<PgId> Pgs { get; } = [];
    public List<ImageId> Images { get; } = [];

    public void Clear()
    {
        Full = false;
        Cluster = false;
        Osds.Clear();
        Pools.Clear();
        Pgs.Clear();
        Images.Clear();
    }

    /// <summary>Notes the record behind <paramref name="key"/>.</summary>
    public void Add(string key)
    {
        if (Full) { return; }
        if (MapKeys.TryParsePg(key, out PgId pg)) { Pgs.Add(pg); }
        else if (MapKeys.TryParseOsd(key, out OsdId osd)) { Osds.Add(osd); }
        else if (MapKeys.TryParseImage(key, out ImageId image)) { Images.Add(image); }
        else if (MapKeys.TryParsePool(key, out PoolId pool)) { Pools.Add(pool); }
        else if (key == MapKeys.Cluster) { Cluster = true; }
    }
}

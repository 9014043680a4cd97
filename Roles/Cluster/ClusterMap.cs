using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Cluster;

/// <summary>The cluster map as typed records: on monitors a view of their store, elsewhere a mirror kept by a watch. The
/// records are immutable and replaced as a whole, so a reference taken from here stays valid as a snapshot. One thread.</summary>
internal sealed class ClusterMap
{
    private SortedDictionary<uint, OsdInfo> _osds = [];
    private SortedDictionary<uint, PoolPgs> _pools = [];
    private SortedDictionary<ulong, ImageInfo> _images = [];
    private Dictionary<(uint Pool, string Name), ImageInfo> _imagesByName = []; // looked up, never iterated
    private int _pgCount;

    /// <summary>Revision of the newest change; 0 = empty.</summary>
    public Epoch Epoch { get; private set; }

    /// <summary>Null until the map has been received.</summary>
    public ClusterInfo? Cluster { get; private set; }

    /// <summary>By ascending id.</summary>
    public SortedDictionary<uint, OsdInfo>.ValueCollection Osds => _osds.Values;

    /// <summary>By ascending id; purging ones included.</summary>
    public SortedDictionary<ulong, ImageInfo>.ValueCollection Images => _images.Values;

    public int OsdCount => _osds.Count;
    public int PoolCount => _pools.Count;
    public int ImageCount => _images.Count;
    public int PgCount => _pgCount;

    /// <summary>By ascending id.</summary>
    public IEnumerable<PoolInfo> Pools
    {
        get
        {
            foreach (PoolPgs pool in _pools.Values)
            {
                if (pool.Info is not null) { yield return pool.Info; }
            }
        }
    }

    /// <summary>All PGs of all pools in order.</summary>
    public IEnumerable<PgInfo> Pgs
    {
        get
        {
            foreach (PoolPgs pool in _pools.Values)
            {
                foreach (PgInfo? pg in pool.Pgs)
                {
                    if (pg is not null) { yield return pg; }
                }
            }
        }
    }

    public bool TryGetOsd(OsdId id, [NotNullWhen(true)] out OsdInfo? osd) => _osds.TryGetValue(id.Value, out osd);

    public bool TryGetPool(PoolId id, [NotNullWhen(true)] out PoolInfo? pool)
    {
        pool = _pools.TryGetValue(id.Value, out PoolPgs? entry) ? entry.Info : null;
        return pool is not null;
    }

    public bool TryGetPool(string name, [NotNullWhen(true)] out PoolInfo? pool)
    {
        foreach (PoolPgs entry in _pools.Values)
        {
            if (entry.Info is not null && entry.Info.Name == name) { pool = entry.Info; return true; }
        }
        pool = null;
        return false;
    }

    /// <summary>The PGs of a pool by number; a missing one is null. Empty when there is no such pool.</summary>
    public ReadOnlySpan<PgInfo?> PgsOf(PoolId pool) =>
        _pools.TryGetValue(pool.Value, out PoolPgs? entry) ? entry.Pgs : default(ReadOnlySpan<PgInfo?>);

    public bool TryGetPg(PgId id, [NotNullWhen(true)] out PgInfo? pg)
    {
        ReadOnlySpan<PgInfo?> pgs = PgsOf(id.Pool);
        pg = id.Number < (uint)pgs.Length ? pgs[(int)id.Number] : null;
        return pg is not null;
    }

    public bool TryGetImage(ImageId id, [NotNullWhen(true)] out ImageInfo? image) =>
        _images.TryGetValue(id.Value, out image);

    /// <summary>By name among those that are not being purged.</summary>
    public bool TryGetImage(PoolId pool, string name, [NotNullWhen(true)] out ImageInfo? image) =>
        _imagesByName.TryGetValue((pool.Value, name), out image);

    /// <summary>By pool and image name.</summary>
    public bool TryGetImage(string pool, string name, [NotNullWhen(true)] out ImageInfo? image)
    {
        image = null;
        return TryGetPool(pool, out PoolInfo? info) && TryGetImage(info.Id, name, out image);
    }

    /// <summary>Takes over one changed record. Unknown keys are ignored, so that newer monitors may add some.</summary>
    /// <returns>False when the value is no valid record; the map keeps the old one.</returns>
    public bool TryPut(string key, ReadOnlySpan<byte> value, Epoch revision)
    {
        if (key == MapKeys.Cluster)
        {
            if (!ClusterInfo.TryRead(value, revision, out ClusterInfo cluster)) { return false; }
            Cluster = cluster;
        }
        else if (MapKeys.TryParseOsd(key, out OsdId osdId))
        {
            if (!OsdInfo.TryRead(value, revision, out OsdInfo osd) || osd.Id != osdId) { return false; }
            _osds[osdId.Value] = osd;
        }
        else if (MapKeys.TryParsePool(key, out PoolId poolId))
        {
            if (!PoolInfo.TryRead(value, revision, out PoolInfo pool) || pool.Id != poolId) { return false; }
            PoolOf(poolId).Set(pool);
        }
        else if (MapKeys.TryParsePg(key, out PgId pgId))
        {
            if (!PgInfo.TryRead(value, revision, out PgInfo pg) || pg.Id != pgId) { return false; }
            _pgCount += PoolOf(pgId.Pool).Put(pg);
        }
        else if (MapKeys.TryParseImage(key, out ImageId imageId))
        {
            if (!ImageInfo.TryRead(value, revision, out ImageInfo image) || image.Id != imageId) { return false; }
            RemoveImage(imageId);
            _images[imageId.Value] = image;
            if (image.State == ImageState.Ready) { _imagesByName[(image.Pool.Value, image.Name)] = image; }
        }
        Advance(revision);
        return true;
    }

    /// <summary>Takes over one deleted record; an unknown key is ignored.</summary>
    public void Remove(string key, Epoch revision)
    {
        if (MapKeys.TryParseOsd(key, out OsdId osdId)) { _osds.Remove(osdId.Value); }
        else if (MapKeys.TryParsePool(key, out PoolId poolId))
        {
            if (_pools.TryGetValue(poolId.Value, out PoolPgs? entry)) { entry.Set(null); }
            DropEmptyPool(poolId);
        }
        else if (MapKeys.TryParsePg(key, out PgId pgId))
        {
            if (_pools.TryGetValue(pgId.Pool.Value, out PoolPgs? entry)) { _pgCount -= entry.Remove(pgId.Number); }
            DropEmptyPool(pgId.Pool);
        }
        else if (MapKeys.TryParseImage(key, out ImageId imageId)) { RemoveImage(imageId); }
        Advance(revision);
    }

    /// <summary>States that the map is complete up to this revision, even if nothing in it changed.</summary>
    public void Advance(Epoch revision)
    {
        if (revision > Epoch) { Epoch = revision; }
    }

    /// <summary>Becomes what <paramref name="other"/> is, which must not be used any more.</summary>
    public void TakeOver(ClusterMap other)
    {
        _osds = other._osds;
        _pools = other._pools;
        _images = other._images;
        _imagesByName = other._imagesByName;
        _pgCount = other._pgCount;
        Cluster = other.Cluster;
        Epoch = other.Epoch;
    }

    private void RemoveImage(ImageId id)
    {
        if (!_images.Remove(id.Value, out ImageInfo? old)) { return; }
        (uint, string) name = (old.Pool.Value, old.Name);
        if (_imagesByName.TryGetValue(name, out ImageInfo? named) && named.Id == id) { _imagesByName.Remove(name); }
    }

    private PoolPgs PoolOf(PoolId id)
    {
        if (!_pools.TryGetValue(id.Value, out PoolPgs? entry))
        {
            entry = new PoolPgs();
            _pools[id.Value] = entry;
        }
        return entry;
    }

    private void DropEmptyPool(PoolId id)
    {
        if (_pools.TryGetValue(id.Value, out PoolPgs? entry) && entry.IsEmpty) { _pools.Remove(id.Value); }
    }
}

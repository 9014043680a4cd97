using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Osd;

/// <summary>A change of the cluster map on its way to the shards' mirrors. Made on the reactor of the monitors' client and
/// then only read, so one update serves all shards.</summary>
internal sealed class MapUpdate
{
    private readonly record struct Change(string Key, byte[]? Value, Epoch Changed);

    private readonly List<Change> _changes = [];
    private readonly Epoch _epoch;
    private readonly bool _full;

    private MapUpdate(Epoch epoch, bool full) => (_epoch, _full) = (epoch, full);

    public static MapUpdate Of(ClusterMap map, MapDelta delta)
    {
        MapUpdate update = new(map.Epoch, delta.Full);
        if (delta.Full)
        {
            update.AddAll(map);
            return update;
        }
        if (delta.Cluster && map.Cluster is not null) { update.Add(MapKeys.Cluster, map.Cluster.ToBytes(), map.Cluster.Changed); }
        foreach (OsdId id in delta.Osds)
        {
            update.Add(MapKeys.Osd(id), map.TryGetOsd(id, out OsdInfo? osd) ? osd.ToBytes() : null, osd?.Changed ?? map.Epoch);
        }
        foreach (PoolId id in delta.Pools)
        {
            update.Add(MapKeys.Pool(id), map.TryGetPool(id, out PoolInfo? pool) ? pool.ToBytes() : null, pool?.Changed ?? map.Epoch);
        }
        foreach (PgId id in delta.Pgs)
        {
            update.Add(MapKeys.Pg(id), map.TryGetPg(id, out PgInfo? pg) ? pg.ToBytes() : null, pg?.Changed ?? map.Epoch);
        }
        foreach (ImageId id in delta.Images)
        {
            update.Add(MapKeys.Image(id), map.TryGetImage(id, out ImageInfo? image) ? image.ToBytes() : null,
                image?.Changed ?? map.Epoch);
        }
        return update;
    }

    private void AddAll(ClusterMap map)
    {
        if (map.Cluster is not null) { Add(MapKeys.Cluster, map.Cluster.ToBytes(), map.Cluster.Changed); }
        foreach (OsdInfo osd in map.Osds) { Add(MapKeys.Osd(osd.Id), osd.ToBytes(), osd.Changed); }
        foreach (PoolInfo pool in map.Pools) { Add(MapKeys.Pool(pool.Id), pool.ToBytes(), pool.Changed); }
        foreach (PgInfo pg in map.Pgs) { Add(MapKeys.Pg(pg.Id), pg.ToBytes(), pg.Changed); }
        foreach (ImageInfo image in map.Images) { Add(MapKeys.Image(image.Id), image.ToBytes(), image.Changed); }
    }

    private void Add(string key, byte[]? value, Epoch changed) => _changes.Add(new Change(key, value, changed));

    /// <summary>What to post to a shard.</summary>
    public IRunnable For(OsdShard shard) => new Delivery(this, shard);

    private void ApplyTo(OsdShard shard)
    {
        ClusterMap target = _full ? new ClusterMap() : shard.Map;
        foreach (Change change in _changes)
        {
            if (change.Value is null) { target.Remove(change.Key, change.Changed); }
            else
            {
                bool sound = target.TryPut(change.Key, change.Value, change.Changed);
                Invariant.Require(sound); // written by this process from a checked record
            }
        }
        target.Advance(_epoch);
        if (target != shard.Map) { shard.Map.TakeOver(target); }
        shard.OnMapChanged();
    }

    private sealed class Delivery(MapUpdate update, OsdShard shard) : IRunnable
    {
        public void Run() => update.ApplyTo(shard);
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>Answers that change nothing: status, usage, PG states, sessions.</summary>
internal sealed partial class MonState
{
    /// <summary>Set by the server: which monitors take part at present. Empty = nothing known.</summary>
    public IReadOnlyList<MonStatus> Mons { get; set; } = [];

    private StatusResult Status(long nowNanos)
    {
        StatusResult result = new()
        {
            ClusterUuid = UuidBytes.ToBytes(Map.Cluster!.Uuid),
            Health = Health(nowNanos),
            Osds = (uint)Map.OsdCount,
            Pools = (uint)Map.PoolCount,
            Pgs = (uint)Map.PgCount,
            Shards = (uint)Map.Cluster.Shards,
            Epoch = Map.Epoch.Value,
            Recovery = Recovery(),
        };
        result.Flags.AddRange(FlagNames());
        result.Mons.AddRange(Mons);
        foreach (OsdInfo osd in Map.Osds)
        {
            result.OsdsUp += osd.Up ? 1u : 0;
            result.OsdsIn += osd.In ? 1u : 0;
            if (!_runtime.TryGetOsd(osd.Id, out OsdRuntime? runtime)) { continue; }
            result.SizeBytes += runtime!.SizeBytes;
            result.UsedBytes += runtime.UsedBytes;
        }
        foreach (ImageInfo image in Map.Images)
        {
            if (image.State is ImageState.Purging) { result.ImagesPurging++; }
            else { result.Images++; }
        }
        AddFreeing(result);
        foreach (PgInfo pg in Map.Pgs)
        {
            PgHealth health = HealthOf(pg);
            result.PgsActive += health is PgHealth.Creating or PgHealth.Inactive or PgHealth.NoQuorum ? 0 : 1u;
            result.PgsClean += health is PgHealth.Clean ? 1u : 0;
        }
        return result;
    }

    private DfResult Df()
    {
        DfResult result = new();
        SortedDictionary<uint, OsdUsage> osds = [];
        SortedDictionary<uint, PoolUsage> pools = [];
        foreach (OsdInfo osd in Map.Osds)
        {
            OsdUsage usage = new() { Id = osd.Id.Value };
            if (_runtime.TryGetOsd(osd.Id, out OsdRuntime? runtime))
            {
                usage.SizeBytes = runtime!.SizeBytes;
                usage.UsedBytes = runtime.UsedBytes;
            }
            osds.Add(osd.Id.Value, usage);
            result.SizeBytes += usage.SizeBytes;
            result.UsedBytes += usage.UsedBytes;
        }
        foreach (PoolInfo pool in Map.Pools)
        {
            pools.Add(pool.Id.Value, new PoolUsage { Id = pool.Id.Value, Name = pool.Name });
        }
        foreach (ImageInfo image in Map.Images)
        {
            if (image.State is ImageState.Purging || !pools.TryGetValue(image.Pool.Value, out PoolUsage? pool)) { continue; }
            pool.Images++;
            pool.ProvisionedBytes += image.SizeBytes;
        }
        foreach (PgInfo pg in Map.Pgs) { AddUsage(pg, osds, pools); }
        foreach (PoolInfo pool in Map.Pools) { pools[pool.Id.Value].AvailableBytes = Available(pool, osds); }
        result.Osds.AddRange(osds.Values);
        result.Pools.AddRange(pools.Values);
        return result;
    }

    private void AddUsage(PgInfo pg, SortedDictionary<uint, OsdUsage> osds, SortedDictionary<uint, PoolUsage> pools)
    {
        PgStat? leaderStat = LeaderStat(pg, out OsdId leader);
        if (leaderStat is not null && osds.TryGetValue(leader.Value, out OsdUsage? leading)) { leading.PgsLeading++; }
        if (!pools.TryGetValue(pg.Id.Pool.Value, out PoolUsage? pool)) { return; }
        long largest = leaderStat?.UsedBytes ?? 0;
        foreach (PgMember member in pg.Holders)
        {
            if (osds.TryGetValue(member.Osd.Value, out OsdUsage? osd)) { osd.Pgs++; }
            if (_runtime.StatOf(pg, member) is not { } stat) { continue; }
            pool.UsedBytes += stat.UsedBytes;
            if (leaderStat is null && stat.UsedBytes > largest) { largest = stat.UsedBytes; }
        }
        pool.StoredBytes += largest;
    }

    /// <summary>How much more one copy of the pool's data may grow before the first of its OSDs is full: data spreads over the
    /// PGs evenly, so an OSD that holds k of n PGs takes k/n of it.</summary>
    private long Available(PoolInfo pool, SortedDictionary<uint, OsdUsage> osds)
    {
        SortedDictionary<uint, int> held = [];
        foreach (PgInfo? pg in Map.PgsOf(pool.Id))
        {
            if (pg is null) { continue; }
            foreach (PgMember member in pg.Members)
            {
                held[member.Osd.Value] = held.GetValueOrDefault(member.Osd.Value) + 1;
            }
        }
        long available = long.MaxValue;
        foreach (KeyValuePair<uint, int> entry in held)
        {
            if (!osds.TryGetValue(entry.Key, out OsdUsage? usage)) { continue; } // was removed; its PGs are on their way elsewhere
            long free = System.Math.Max(0, (usage.SizeBytes / 100 * _options.FullPercent) - usage.UsedBytes);
            System.Int128 room = (System.Int128)free * pool.PgCount / entry.Value;
            if (room < available) { available = (long)room; }
        }
        return available == long.MaxValue ? 0 : available;
    }

    private PgStatsResult PgStats(PgStatsRequest request)
    {
        Plan();
        PgStatsResult result = new();
        foreach (PgInfo pg in Map.Pgs)
        {
            if (request.Pool != 0 && pg.Id.Pool.Value != request.Pool) { continue; }
            PgStatus status = new() { Pg = pg.Id.Value, State = WordFor(HealthOf(pg)), BytesLeft = BytesLeft(pg) };
            if (LeaderStat(pg, out OsdId leader) is { } stat)
            {
                status.HasLeader = true;
                status.Leader = leader.Value;
                status.Term = stat.Term;
                status.Commit = stat.Commit;
                status.UsedBytes = stat.UsedBytes;
                status.MembersSeen.AddRange(stat.MembersSeen);
            }
            foreach (PgMember member in pg.Holders)
            {
                if (_runtime.StatOf(pg, member) is { Role: PgRole.Lost }) { status.LostOn.Add(member.Osd.Value); }
            }
            AddScrub(status, pg, LeaderStat(pg));
            result.Pgs.Add(status);
        }
        return result;
    }

    private SessionListResult Sessions(long nowNanos)
    {
        SessionListResult result = new();
        foreach (ImageInfo image in Map.Images)
        {
            if (!image.Owned || image.State is ImageState.Purging) { continue; }
            result.Sessions.Add(new SessionStatus
            {
                Image = image.Id.Value,
                ImageName = image.Name,
                PoolName = Map.TryGetPool(image.Pool, out PoolInfo? pool) ? pool.Name : "",
                Generation = image.OwnerGeneration,
                Instance = UuidBytes.ToBytes(image.OwnerInstance),
                Description = image.OwnerDescription,
                AcquiredMs = image.AcquiredMillis,
                RenewedMsAgo = _runtime.RenewedAgoNanos(image.Id, nowNanos) / Units.NanosPerMilli,
                Alive = IsOwnerAlive(image, nowNanos),
            });
        }
        foreach (ImageReader reader in _runtime.Readers(nowNanos, _options.OwnerTtlNanos))
        {
            if (!Map.TryGetImage(reader.Image, out ImageInfo? image) || image.State is ImageState.Purging) { continue; }
            result.Sessions.Add(new SessionStatus
            {
                Image = image.Id.Value,
                ImageName = image.Name,
                PoolName = Map.TryGetPool(image.Pool, out PoolInfo? pool) ? pool.Name : "",
                Instance = UuidBytes.ToBytes(reader.Instance),
                Description = reader.Description,
                RenewedMsAgo = Math.Max(0, nowNanos - reader.HeardNanos) / Units.NanosPerMilli,
                Alive = true,
                Reader = true,
            });
        }
        return result;
    }
}

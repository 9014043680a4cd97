using System;
using System.Collections.Generic;
using System.Numerics;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>Pools: their PGs are placed when they are made.</summary>
internal sealed partial class MonState
{
    /// <summary>PG replicas per OSD that a pool is made with when the number is left to us.</summary>
    private const int PgReplicasPerOsd = 128;

    private MonVerdict PoolCreate(PoolCreateRequest request, long wallMillis)
    {
        if (!Names.IsValid(request.Name)) { return Invalid($"'{request.Name}' is not a pool name: {Names.Rule}"); }
        if (Map.TryGetPool(request.Name, out _))
        {
            return Refuse(ControlStatus.StatusExists, $"there is a pool {request.Name} already");
        }
        int replicas = request.Replicas == 0 ? 3 : (int)Math.Min(request.Replicas, 1000);
        if (WhyNotReplicas(replicas) is { } why) { return Invalid(why); }
        uint objectBytes = request.ObjectBytes == 0 ? ClusterLimits.DefaultObjectBytes : request.ObjectBytes;
        if (!PoolInfo.IsValidObjectBytes(objectBytes))
        {
            return Invalid("the object size must be a power of two from 64K to 4M");
        }
        if (!PoolInfo.IsValid(request.FailureDomain)) { return Invalid("the failure domain must be osd, host or rack"); }
        FailureDomain domain = (FailureDomain)request.FailureDomain;
        List<PlacementOsd> osds = PlaceableOsds(domain);
        int domains = CountDomains(osds);
        if (domains < replicas) { return Refuse(ControlStatus.StatusWrongState, TooFewDomains(replicas, domains, domain)); }
        if (request.PgCount != 0 && (!BitOperations.IsPow2(request.PgCount) || request.PgCount > ClusterLimits.MaxPgsPerPool))
        {
            return Invalid($"the number of PGs must be a power of two, at most {ClusterLimits.MaxPgsPerPool}");
        }
        int pgCount = request.PgCount != 0 ? (int)request.PgCount : DefaultPgCount(osds.Count, replicas);

        MonChanges changes = NewChanges();
        ulong number = changes.Take(StoreKeys.NextPool, first: 1);
        if (number > ClusterLimits.MaxPools)
        {
            return Refuse(ControlStatus.StatusFailed, $"all {ClusterLimits.MaxPools} pool ids have been given out");
        }
        PoolInfo pool = new()
        {
            Id = new PoolId((uint)number),
            Name = request.Name,
            Replicas = replicas,
            PgCount = pgCount,
            ObjectBytes = (int)objectBytes,
            FailureDomain = domain,
            CreatedMillis = wallMillis,
        };
        changes.Put(pool);
        PutPgs(changes, pool, osds);
        return Do(changes, new ControlReply
        {
            PoolCreateResult = new PoolCreateResult { Id = pool.Id.Value, PgCount = (uint)pgCount },
        });
    }

    private void PutPgs(MonChanges changes, PoolInfo pool, List<PlacementOsd> osds)
    {
        int shards = Map.Cluster!.Shards;
        PlacementPlan? plan = PoolPlacer.TryPlace(osds, pool.PgCount, pool.Replicas, shards,
            (int)(pool.Id.Value % (uint)shards), _prng.Fork());
        Invariant.Require(plan is not null); // the number of failure domains was checked
        plan = Even(plan, osds, pool.Replicas, shards);
        ulong incarnation = changes.Take(StoreKeys.NextIncarnation, first: 1, (ulong)pool.PgCount);
        for (int n = 0; n < pool.PgCount; n++)
        {
            PgMember[] members = new PgMember[pool.Replicas];
            for (int r = 0; r < members.Length; r++)
            {
                OsdId osd = osds[plan.Members[n][r]].Id;
                Invariant.Require(Map.TryGetOsd(osd, out OsdInfo? info));
                members[r] = new PgMember(osd, info.Device);
            }
            changes.Put(new PgInfo
            {
                Id = new PgId(pool.Id, (uint)n),
                Members = members,
                Incarnation = incarnation + (ulong)n,
                Shard = plan.Shards[n],
                State = PgState.Creating,
                PreferredLeader = osds[plan.Leaders[n]].Id,
            });
        }
    }

    private MonVerdict PoolRemove(PoolRemoveRequest request)
    {
        if (!Map.TryGetPool(request.Name, out PoolInfo? pool)) { return NoSuchPool(request.Name); }
        int ready = 0;
        MonChanges changes = NewChanges();
        foreach (ImageInfo image in Map.Images)
        {
            if (image.Pool != pool.Id) { continue; }
            // Its PGs go as a whole, with what is left of it.
            if (image.State is ImageState.Purging) { changes.Delete(MapKeys.Image(image.Id)); }
            else { ready++; }
        }
        if (ready > 0)
        {
            return Refuse(ControlStatus.StatusWrongState, $"pool {pool.Name} has {ready} images: remove them first");
        }
        changes.Delete(MapKeys.Pool(pool.Id));
        foreach (PgInfo? pg in Map.PgsOf(pool.Id))
        {
            if (pg is not null) { changes.Delete(MapKeys.Pg(pg.Id)); }
        }
        return Do(changes);
    }

    private static MonVerdict NoSuchPool(string name) => Refuse(ControlStatus.StatusNotFound,
        $"there is no pool '{name}': 'fastblock pool ls' lists them");

    /// <returns>Null when the number is good, else why it is not.</returns>
    private static string? WhyNotReplicas(int replicas) => replicas switch
    {
        1 or 3 or 5 => null,
        2 => "2 replicas survive no failure, because a majority of 2 is 2: use 1 (no redundancy) or 3",
        4 => "4 replicas survive no more failures than 3, because a majority of 4 is 3: use 3 or 5",
        _ => "the number of replicas must be 1, 3 or 5",
    };

    private static string TooFewDomains(int replicas, int domains, FailureDomain domain) => domain switch
    {
        FailureDomain.Rack => $"{replicas} replicas need OSDs in {replicas} racks, there are {domains}: add OSDs in other racks "
            + "('fastblock osd mkfs --rack'), use fewer replicas, or give up rack safety with --failure-domain host",
        FailureDomain.Host => $"{replicas} replicas need OSDs on {replicas} hosts, there are {domains}: add OSDs on other hosts, "
            + "use fewer replicas, or give up host safety with --failure-domain osd",
        _ => $"{replicas} replicas need {replicas} OSDs, there are {domains}: add OSDs or use fewer replicas",
    };

    /// <summary>OSDs that may get PGs: in, with a weight, and started at least once.</summary>
    private List<PlacementOsd> PlaceableOsds(FailureDomain domain)
    {
        List<PlacementOsd> osds = [];
        foreach (OsdInfo osd in Map.Osds)
        {
            if (!osd.In || osd.Weight == 0 || osd.Boots == 0) { continue; }
            osds.Add(new PlacementOsd(osd.Id, osd.Weight, DomainOf(osd, domain)));
        }
        return osds;
    }

    private static string DomainOf(OsdInfo osd, FailureDomain domain) => domain switch
    {
        FailureDomain.Rack => osd.Rack,
        FailureDomain.Host => osd.Host,
        _ => osd.Id.Value.ToString("x8", null),
    };

    /// <summary>The random plan, made so even that there is nothing left to rebalance.</summary>
    private static PlacementPlan Even(PlacementPlan plan, List<PlacementOsd> osds, int replicas, int shards)
    {
        List<RebalancePg> pgs = [];
        Dictionary<OsdId, int> index = []; // looked up only
        for (int o = 0; o < osds.Count; o++) { index.Add(osds[o].Id, o); }
        for (int n = 0; n < plan.Members.Length; n++)
        {
            pgs.Add(new RebalancePg(plan.Shards[n], Array.ConvertAll(plan.Members[n], o => osds[o].Id), []));
        }
        OsdId[][] even = Rebalancer.Plan(osds, pgs, replicas, shards, _ => true);
        int[][] members = Array.ConvertAll(even, ids => Array.ConvertAll(ids, id => index[id]));
        return new PlacementPlan
        {
            Members = members,
            Shards = plan.Shards,
            Leaders = LeaderSpread.Choose(members, plan.Shards, osds.Count, shards, plan.Leaders),
        };
    }

    private static int CountDomains(List<PlacementOsd> osds)
    {
        SortedSet<string> names = new(StringComparer.Ordinal);
        foreach (PlacementOsd osd in osds) { names.Add(osd.Domain); }
        return names.Count;
    }

    private static int DefaultPgCount(int osds, int replicas)
    {
        uint wanted = (uint)Math.Max(1, osds * PgReplicasPerOsd / replicas);
        uint count = 1u << BitOperations.Log2(wanted);
        return (int)Math.Clamp(count, 8, 4096);
    }
}

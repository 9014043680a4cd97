using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>What the operator does with OSDs: in, out, weight, removal; and the switches of the cluster.</summary>
internal sealed partial class MonState
{
    private const ulong KnownFlags = (ulong)(ClusterFlag.Noout | ClusterFlag.Norebalance);

    private MonVerdict OsdMark(OsdMarkRequest request)
    {
        MonChanges changes = NewChanges();
        foreach (uint id in request.Ids)
        {
            if (!Map.TryGetOsd(new OsdId(id), out OsdInfo? osd)) { return NoSuchOsd(id); }
            OsdInfo marked = osd with { In = request.In, AutoOut = false };
            if (marked != osd) { changes.Put(marked); }
        }
        return Do(changes);
    }

    private MonVerdict OsdReweight(OsdReweightRequest request)
    {
        if (!Map.TryGetOsd(new OsdId(request.Id), out OsdInfo? osd)) { return NoSuchOsd(request.Id); }
        if (request.Weight > ClusterLimits.MaxWeight) { return Invalid($"a weight is at most {ClusterLimits.MaxWeight}"); }
        MonChanges changes = NewChanges();
        if (osd.Weight != request.Weight) { changes.Put(osd with { Weight = request.Weight }); }
        return Do(changes);
    }

    private MonVerdict SetFlags(ClusterFlagsRequest request)
    {
        if (((request.Set | request.Clear) & ~KnownFlags) != 0) { return Invalid("the flags are noout and norebalance"); }
        ClusterInfo cluster = Map.Cluster!;
        MonChanges changes = NewChanges();
        ulong flags = (cluster.Flags | request.Set) & ~request.Clear;
        if (flags != cluster.Flags) { changes.Put(MapKeys.Cluster, (cluster with { Flags = flags }).ToBytes()); }
        return Do(changes);
    }

    private static MonVerdict NoSuchOsd(uint id) => Refuse(ControlStatus.StatusNotFound, $"there is no osd.{id}: 'fastblock osd ls' lists them");

    /// <summary>Takes an OSD's record away. Without force only one that holds nothing; with force one whose PGs all keep a majority
    /// without it; and what would be lost even then is lost only when that was said, too.</summary>
    private MonVerdict OsdRemove(OsdRemoveRequest request)
    {
        if (!Map.TryGetOsd(new OsdId(request.Id), out OsdInfo? osd)) { return NoSuchOsd(request.Id); }
        if (osd.Up) { return Refuse(ControlStatus.StatusWrongState, $"osd.{request.Id} is running: stop it first"); }
        List<PgInfo> held = [];
        foreach (PgInfo pg in Map.Pgs)
        {
            if (pg.Has(osd.Id)) { held.Add(pg); }
        }
        if (held.Count > 0 && !request.Force)
        {
            return Refuse(ControlStatus.StatusWrongState, $"{held.Count} PGs have replicas on osd.{request.Id}: put it out with 'fastblock osd out "
                + $"{request.Id}' and wait until they are elsewhere; --force removes it although they are not");
        }
        List<string> lost = [];
        List<PgInfo> gone = [];
        foreach (PgInfo pg in held) { WeighLoss(pg, osd, lost, gone); }
        if (lost.Count > 0 && !request.AllowDataLoss) { return Refuse(ControlStatus.StatusWrongState, LossText(osd, lost)); }
        MonChanges changes = NewChanges();
        changes.Delete(MapKeys.Osd(osd.Id));
        foreach (PgInfo pg in gone) { MakeAnew(changes, pg, osd); }
        ControlReply reply = new() { OsdRemoveResult = new OsdRemoveResult() };
        for (int i = 0; i < Math.Min(lost.Count, MaxDetails); i++) { reply.OsdRemoveResult.Lost.Add(lost[i]); }
        if (lost.Count > MaxDetails) { reply.OsdRemoveResult.Lost.Add($"and {lost.Count - MaxDetails} more"); }
        return Do(changes, reply);
    }

    private static string LossText(OsdInfo osd, List<string> lost)
    {
        string first = string.Join("; ", lost.GetRange(0, Math.Min(lost.Count, 4)));
        string more = lost.Count > 4 ? $"; and {lost.Count - 4} more" : "";
        return $"without osd.{osd.Id.Value} data would be lost: {first}{more}. Bring it or the others back, or give it up with "
            + "--force --allow-data-loss";
    }

    /// <summary>What becomes of a PG without the OSD.</summary>
    /// <param name="pg">One that has, or had, a replica there.</param>
    /// <param name="osd">The one that is to go.</param>
    /// <param name="lost">Gets a sentence when it loses data, or its majority for good.</param>
    /// <param name="gone">Gets the PG when nobody else has anything of it.</param>
    private void WeighLoss(PgInfo pg, OsdInfo osd, List<string> lost, List<PgInfo> gone)
    {
        int able = 0;
        List<string> others = [];
        foreach (PgMember member in pg.Voters)
        {
            if (member.Osd == osd.Id || !Map.TryGetOsd(member.Osd, out OsdInfo? other) || other.Device != member.Device) { continue; }
            bool isLost = _runtime.StatOf(pg, member) is { Role: PgRole.Lost, Durable: false };
            if (!isLost) { others.Add($"osd.{other.Id.Value}"); }
            if (other.Up && !isLost) { able++; }
        }
        if (able >= pg.Majority || pg.State is PgState.Creating) { return; }
        if (others.Count == 0)
        {
            gone.Add(pg);
            lost.Add($"pg {pg.Id}: nobody else has anything of it, it would begin anew, empty");
            return;
        }
        lost.Add($"pg {pg.Id}: no majority without it, no I/O until {string.Join(" and ", others)} are enough");
    }

    /// <summary>A PG whose last replica is given up begins anew, as another incarnation, where the others are.</summary>
    private void MakeAnew(MonChanges changes, PgInfo pg, OsdInfo without)
    {
        if (!Map.TryGetPool(pg.Id.Pool, out PoolInfo? pool)) { return; }
        List<PlacementOsd> osds = PlaceableOsds(pool.FailureDomain);
        osds.RemoveAll(osd => osd.Id == without.Id);
        if (osds.Count == 0) { return; }
        List<PgInfo> all = PgsOf(pool);
        List<RebalancePg> input = ForPlanner(all);
        OsdId[] place = Rebalancer.Plan(osds, input, pool.Replicas, Map.Cluster!.Shards, _ => false)[all.IndexOf(pg)];
        PgMember[] members = new PgMember[place.Length];
        for (int i = 0; i < members.Length; i++)
        {
            Invariant.Require(Map.TryGetOsd(place[i], out OsdInfo? osd));
            members[i] = new PgMember(osd.Id, osd.Device);
        }
        changes.Put(new PgInfo
        {
            Id = pg.Id,
            Members = members,
            Incarnation = changes.Take(StoreKeys.NextIncarnation, first: 1),
            Shard = pg.Shard,
            State = PgState.Creating,
            PreferredLeader = members[0].Osd,
        });
    }

    // ---- silence ----

    /// <summary>Whether an OSD was silent for so long that its data are better made anew elsewhere, and enough others are left.</summary>
    private bool IsToBePutOut(OsdInfo osd, long nowNanos, int inCount, int known)
    {
        if (osd.Up || !osd.In || osd.Boots == 0 || _options.OsdOutAfterNanos == 0 || Map.Cluster!.Has(ClusterFlag.Noout)) { return false; }
        return _runtime.SilenceNanos(osd.Id, nowNanos) >= _options.OsdOutAfterNanos
            && (inCount - 1) * 100L >= (long)known * _options.MinInPercent;
    }
}

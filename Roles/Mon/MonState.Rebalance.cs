using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>
/// Brings PGs to where they should be. Where that is (<see cref="GoalOf"/>) follows from the map alone; a PG's target is changed only
/// as long as few recoveries run at each OSD, and the PG itself moves towards its target. Nothing is remembered between the steps:
/// each looks at the map and at what was reported, so any monitor goes on where another one stopped.
/// </summary>
internal sealed partial class MonState
{
    /// <summary>Goals of PGs whose target is another one, as of <see cref="_plannedRevision"/>: derived, kept only to be quick.</summary>
    private readonly SortedDictionary<ulong, PgMember[]> _goals = [];

    /// <summary>Pools that have fewer failure domains than replicas.</summary>
    private readonly List<string> _crampedPools = [];

    private ulong _plannedRevision = ulong.MaxValue;

    /// <summary>One step of everything that moves data: takes in what leaders reported, changes targets, spreads leaders.</summary>
    private void Rebalance(MonChanges changes)
    {
        TakeReports(changes);
        Plan();
        StepTargets(changes);
        if (changes.IsEmpty) { SpreadLeaders(changes); }
    }

    /// <summary>A PG's newest committed configuration, as its leader reported it, into the map.</summary>
    private void TakeReports(MonChanges changes)
    {
        int left = MonLimits.PgsPerTransaction;
        foreach (PgInfo pg in Map.Pgs)
        {
            if (pg.State is not PgState.Active || LeaderStat(pg) is not { Membership: { } record }) { continue; }
            if (!PgMembership.TryRead(record, out PgMembership reported) || !IsNewer(reported, pg)) { continue; }
            changes.Put(pg with { Reported = reported });
            if (--left == 0) { return; }
        }
    }

    /// <summary>Configurations of one PG are ordered by their place in its log; the term only tells late reports of one place apart.</summary>
    private static bool IsNewer(PgMembership reported, PgInfo pg) => reported.Index > (pg.Reported?.Index ?? 0);

    // ---- where everything should be ----

    private void Plan()
    {
        if (_plannedRevision == _store.Revision) { return; }
        _plannedRevision = _store.Revision;
        _goals.Clear();
        _crampedPools.Clear();
        foreach (PoolInfo pool in Map.Pools) { PlanPool(pool); }
    }

    private void PlanPool(PoolInfo pool)
    {
        List<PlacementOsd> osds = PlaceableOsds(pool.FailureDomain);
        if (CountDomains(osds) < pool.Replicas) { _crampedPools.Add(pool.Name); }
        List<PgInfo> pgs = PgsOf(pool);
        if (osds.Count == 0 || pgs.Count != pool.PgCount) { return; }
        OsdId[][] plan = Rebalancer.Plan(osds, ForPlanner(pgs), pool.Replicas, Map.Cluster!.Shards, osd => Map.TryGetOsd(osd, out _));
        for (int i = 0; i < plan.Length; i++)
        {
            PgMember[] goal = new PgMember[plan[i].Length];
            for (int r = 0; r < goal.Length; r++)
            {
                Invariant.Require(Map.TryGetOsd(plan[i][r], out OsdInfo? osd));
                goal[r] = new PgMember(osd.Id, osd.Device);
            }
            if (goal.Length > 0 && !PgMembership.IsSameSet(goal, pgs[i].Members)) { _goals.Add(pgs[i].Id.Value, goal); }
        }
    }

    private List<PgInfo> PgsOf(PoolInfo pool)
    {
        List<PgInfo> pgs = [];
        foreach (PgInfo? pg in Map.PgsOf(pool.Id))
        {
            if (pg is not null) { pgs.Add(pg); }
        }
        return pgs;
    }

    private static List<RebalancePg> ForPlanner(List<PgInfo> pgs)
    {
        List<RebalancePg> input = [];
        foreach (PgInfo pg in pgs)
        {
            List<OsdId> target = [];
            List<OsdId> holding = [];
            foreach (PgMember member in pg.Holders) { (pg.IsTarget(member) ? target : holding).Add(member.Osd); }
            input.Add(new RebalancePg(pg.Shard, target, holding));
        }
        return input;
    }

    /// <summary>Who should hold the PG in the end.</summary>
    private IReadOnlyList<PgMember> GoalOf(PgInfo pg) => _goals.TryGetValue(pg.Id.Value, out PgMember[]? goal) ? goal : pg.Members;

    /// <summary>Who should hold it next: the goal without those that lost their replica. A replica that is lost comes back as a new
    /// one, which can be made only when the PG's log does not name the old one any more.</summary>
    private List<PgMember> NextTarget(PgInfo pg)
    {
        List<PgMember> next = [];
        foreach (PgMember member in GoalOf(pg))
        {
            if (!HasLost(pg, member)) { next.Add(member); }
        }
        return next.Count > 0 ? next : [.. pg.Members];
    }

    /// <summary>The OSD lives, takes part according to the PG's log, and has nothing on its device. (A damaged log is supplied anew
    /// by the leader without leaving the group.)</summary>
    private bool HasLost(PgInfo pg, PgMember member) => pg.IsReported(member)
        && _runtime.StatOf(pg, member) is { Role: PgRole.Lost, Durable: false } stat && stat.Commit == (pg.Reported?.Index ?? 0);

    // ---- step by step ----

    private void StepTargets(MonChanges changes)
    {
        List<PgInfo> urgent = [];
        List<PgInfo> others = [];
        SortedDictionary<uint, int> busy = [];
        foreach (PgInfo pg in Map.Pgs)
        {
            if (pg.State is not PgState.Active) { continue; }
            AddRecoveries(busy, pg, pg.Members, 1);
            bool misses = MissesReplica(pg);
            if (!misses && !_goals.ContainsKey(pg.Id.Value)) { continue; }
            (misses ? urgent : others).Add(pg);
        }
        int left = MonLimits.PgsPerTransaction;
        foreach (PgInfo pg in urgent) { left -= Step(changes, busy, pg); }
        if (Map.Cluster!.Has(ClusterFlag.Norebalance)) { return; }
        foreach (PgInfo pg in others)
        {
            if (left <= 0) { return; }
            left -= Step(changes, busy, pg);
        }
    }

    /// <summary>Fewer replicas than there should be, or one where it will never answer: worth moving before anything else.</summary>
    private bool MissesReplica(PgInfo pg)
    {
        if (Map.TryGetPool(pg.Id.Pool, out PoolInfo? pool) && pg.Members.Count < pool.Replicas) { return true; }
        foreach (PgMember member in pg.Members)
        {
            if (!Map.TryGetOsd(member.Osd, out OsdInfo? osd) || osd.Device != member.Device || (!osd.Up && !osd.In)) { return true; }
            if (HasLost(pg, member)) { return true; }
        }
        return false;
    }

    /// <returns>How many records were changed: 1 or 0.</returns>
    private int Step(MonChanges changes, SortedDictionary<uint, int> busy, PgInfo pg)
    {
        List<PgMember> next = NextTarget(pg);
        if (PgMembership.IsSameSet(next, pg.Members) || LeaderStat(pg) is null) { return 0; }
        // What has begun is brought to its end, unless it cannot end.
        if (!pg.IsSettled && !IsStuck(pg)) { return 0; }
        AddRecoveries(busy, pg, pg.Members, -1);
        bool starts = MayStart(busy, pg, next);
        AddRecoveries(busy, pg, starts ? next : pg.Members, 1);
        if (!starts) { return 0; }
        changes.Put(pg with
        {
            Members = [.. next],
            Reported = pg.Reported ?? new PgMembership(0, 0) { Voters = pg.Members },
            PreferredLeader = PgMembership.Contains(next, Preferred(pg)) ? pg.PreferredLeader : FirstVoter(pg, next),
        });
        return 1;
    }

    private PgMember Preferred(PgInfo pg) =>
        Map.TryGetOsd(pg.PreferredLeader, out OsdInfo? osd) ? new PgMember(osd.Id, osd.Device) : new PgMember(pg.PreferredLeader, Guid.Empty);

    /// <summary>Until leaders are spread again: one that has the data already.</summary>
    private static OsdId FirstVoter(PgInfo pg, List<PgMember> next)
    {
        foreach (PgMember member in next)
        {
            if (PgMembership.Contains(pg.Voters, member)) { return member.Osd; }
        }
        return next[0].Osd;
    }

    /// <summary>A change that waits for an OSD which went out, or lost what it had, is given up for another one.</summary>
    private bool IsStuck(PgInfo pg)
    {
        foreach (PgMember member in pg.Members)
        {
            if (!Map.TryGetOsd(member.Osd, out OsdInfo? osd) || !osd.In || osd.Weight == 0 || HasLost(pg, member)) { return true; }
        }
        return false;
    }

    private bool MayStart(SortedDictionary<uint, int> busy, PgInfo pg, List<PgMember> next)
    {
        bool copies = false;
        foreach (PgMember member in next)
        {
            if (PgMembership.Contains(pg.Voters, member)) { continue; }
            copies = true;
            if (!Map.TryGetOsd(member.Osd, out OsdInfo? osd) || !osd.Up || osd.Full || osd.NearFull) { return false; }
            if (busy.GetValueOrDefault(member.Osd.Value) >= _options.MaxRecoveries) { return false; }
        }
        _ = LeaderStat(pg, out OsdId leader);
        return !copies || busy.GetValueOrDefault(leader.Value) < _options.MaxRecoveries;
    }

    /// <summary>Counts a PG's recoveries under the given target: at each OSD that has to be filled, and at the leader that fills them.</summary>
    private void AddRecoveries(SortedDictionary<uint, int> busy, PgInfo pg, IReadOnlyList<PgMember> target, int by)
    {
        if (pg.Reported is null && ReferenceEquals(target, pg.Members)) { return; }
        bool copies = false;
        foreach (PgMember member in target)
        {
            // One that is down takes nothing in at present, and must not keep others from it.
            if (PgMembership.Contains(pg.Voters, member) || !Map.TryGetOsd(member.Osd, out OsdInfo? osd) || !osd.Up) { continue; }
            copies = true;
            busy[member.Osd.Value] = busy.GetValueOrDefault(member.Osd.Value) + by;
        }
        if (!copies || LeaderStat(pg, out OsdId leader) is null) { return; }
        busy[leader.Value] = busy.GetValueOrDefault(leader.Value) + by;
    }

    // ---- leaders ----

    /// <summary>When nothing of a pool moves any more, its preferred leaders are spread over the members that it has now.</summary>
    private void SpreadLeaders(MonChanges changes)
    {
        int left = MonLimits.PgsPerTransaction;
        foreach (PoolInfo pool in Map.Pools)
        {
            List<PgInfo> pgs = PgsOf(pool);
            if (pgs.Count == pool.PgCount && pgs.TrueForAll(IsAtRest)) { left = SpreadLeaders(changes, pgs, left); }
            if (left <= 0) { return; }
        }
    }

    private bool IsAtRest(PgInfo pg) => pg.IsSettled && !_goals.ContainsKey(pg.Id.Value);

    private int SpreadLeaders(MonChanges changes, List<PgInfo> pgs, int left)
    {
        Dictionary<OsdId, int> index = []; // looked up only
        List<OsdId> osds = [];
        int[][] members = new int[pgs.Count][];
        int[] shards = new int[pgs.Count];
        int[] present = new int[pgs.Count];
        for (int i = 0; i < members.Length; i++)
        {
            shards[i] = pgs[i].Shard;
            members[i] = new int[pgs[i].Members.Count];
            for (int r = 0; r < members[i].Length; r++)
            {
                OsdId osd = pgs[i].Members[r].Osd;
                if (index.TryAdd(osd, osds.Count)) { osds.Add(osd); }
                members[i][r] = index[osd];
            }
            present[i] = index.GetValueOrDefault(pgs[i].PreferredLeader, -1);
        }
        int[] leaders = LeaderSpread.Choose(members, shards, osds.Count, Map.Cluster!.Shards, present);
        for (int i = 0; i < leaders.Length && left > 0; i++)
        {
            if (leaders[i] == present[i]) { continue; }
            changes.Put(pgs[i] with { PreferredLeader = osds[leaders[i]] });
            left--;
        }
        return left;
    }
}

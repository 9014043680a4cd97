using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Osd;

/// <summary>What a shard tells the monitors, through the OSD's heartbeat: the PGs that changed, and from time to time all.</summary>
internal sealed partial class OsdShard
{
    private readonly List<PgId> _removedPgs = [];
    private long _nextFullReport;
    private bool _reportAll = true;

    /// <summary>The monitors know nothing (a new leader): the next report lists everything.</summary>
    public void ReportAll() => _reportAll = true;

    private void Report()
    {
        ProposePurges();
        bool all = _reportAll || Reactor.NowNanos >= _nextFullReport;
        List<PgStat> stats = [];
        foreach (PgReplica pg in _pgs.Values)
        {
            PgStat? stat = pg.MakeStat(all);
            if (stat is not null) { stats.Add(stat); }
        }
        if (all) { _nextFullReport = Reactor.NowNanos + _options.FullReportNanos; }
        foreach (PgId id in _lost) { stats.Add(LostStat(id)); }
        foreach (PgId id in _removedPgs) { stats.Add(new PgStat { Pg = id.Value, Removed = true }); }
        _removedPgs.Clear();
        ShardReport report = new(Index, all, stats, Objects.TotalBytes, Objects.HeldBytes,
            Corruptions + Counters.ReadErrors)
        {
            HasNoRoom = IsFull,
        };
        _owner.OnShardReport(report);
        _reportAll = false;
        Reactor.Arm(_reportTimer, Reactor.NowNanos + _options.HeartbeatNanos);
    }

    /// <summary>Purges that could not be proposed when the map brought them, or that did not come to be: once more.</summary>
    private void ProposePurges()
    {
        if (UnfreedImages.Count == 0) { return; }
        foreach (PgReplica pg in _pgs.Values) { pg.ProposePurges(); }
    }

    private PgStat LostStat(PgId id)
    {
        PgStat stat = new() { Pg = id.Value, Role = PgRole.Lost };
        if (Map.TryGetPg(id, out PgInfo? info))
        {
            stat.Incarnation = info.Incarnation;
            stat.Commit = info.Reported?.Index ?? 0; // it is lost as far as this configuration goes
        }
        return stat;
    }

    private sealed class ReportTimer(OsdShard shard) : TimerEntry
    {
        public override void OnTimer(long nowNanos) => shard.Report();
    }
}

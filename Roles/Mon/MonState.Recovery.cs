using System;
using System.Collections.Generic;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>What is still to be copied, for people to see.</summary>
internal sealed partial class MonState
{
    private readonly RecoveryMeter _meter = new();
    private long _meterSince = -1;

    /// <summary>Looks at every replica that is being filled.</summary>
    private void MeasureRecovery(long nowNanos)
    {
        if (_meterSince != _runtime.SinceNanos)
        {
            _meterSince = _runtime.SinceNanos;
            _meter.Reset(nowNanos);
        }
        foreach (PgInfo pg in Map.Pgs)
        {
            if (pg.IsSettled) { continue; }
            foreach (PgMember member in pg.Members)
            {
                if (PgMembership.Contains(pg.Voters, member)) { continue; }
                _meter.See(pg.Id.Value, member.Osd.Value, _runtime.StatOf(pg, member)?.UsedBytes ?? 0);
            }
        }
        _meter.EndRound(nowNanos);
    }

    private RecoveryStatus Recovery()
    {
        Plan();
        RecoveryStatus recovery = new() { BytesPerSecond = _meter.BytesPerSecond };
        foreach (PgInfo pg in Map.Pgs)
        {
            if (pg.State is not PgState.Active) { continue; }
            if (!pg.IsSettled) { recovery.PgsMoving++; }
            else if (!PgMembership.IsSameSet(NextTarget(pg), pg.Members)) { recovery.PgsWaiting++; }
            recovery.BytesLeft += BytesLeft(pg);
        }
        recovery.SecondsLeft = recovery.BytesLeft == 0 ? 0
            : recovery.BytesPerSecond > 0 ? recovery.BytesLeft / recovery.BytesPerSecond : -1;
        return recovery;
    }

    /// <summary>What is to be copied to those that should hold the PG and do not vote yet.</summary>
    private long BytesLeft(PgInfo pg)
    {
        if (LeaderStat(pg) is not { } leader) { return 0; }
        long left = 0;
        foreach (PgMember member in GoalOf(pg))
        {
            bool isFull = PgMembership.Contains(pg.Voters, member) && !HasLost(pg, member);
            if (!isFull) { left += Math.Max(0, leader.UsedBytes - (_runtime.StatOf(pg, member)?.UsedBytes ?? 0)); }
        }
        return left;
    }

    /// <summary>Names of the switches that are set.</summary>
    private List<string> FlagNames()
    {
        List<string> names = [];
        if (Map.Cluster!.Has(ClusterFlag.Noout)) { names.Add("noout"); }
        if (Map.Cluster.Has(ClusterFlag.Norebalance)) { names.Add("norebalance"); }
        return names;
    }
}

using System;
using System.Collections.Generic;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>Health: what is wrong now; <see cref="HealthCode"/> has what can be wrong.</summary>
internal sealed partial class MonState
{
    /// <summary>Details per item: a cluster with a thousand of one trouble is no longer told one by one.</summary>
    private const int MaxDetails = 16;

    private HealthResult Health(long nowNanos)
    {
        HealthResult result = new();
        CheckMons(result);
        CheckOsds(result);
        CheckPgs(result);
        CheckDamage(result);
        CheckSpace(result);
        CheckImages(result, nowNanos);
        foreach (HealthItem item in result.Items)
        {
            if (item.Level > result.Level) { result.Level = item.Level; }
        }
        return result;
    }

    private void CheckMons(HealthResult result)
    {
        List<string> away = [], members = [], changing = [];
        foreach (MonStatus mon in Mons)
        {
            string text = $"mon.{mon.Id} at {mon.Address}";
            if (mon.State is not MonRecordState.MonMember)
            {
                changing.Add($"{text} is {(mon.State is MonRecordState.MonJoining ? "joining" : "leaving")}");
                continue;
            }
            members.Add(text);
            if (!mon.InQuorum) { away.Add(text); }
        }
        AddItem(result, HealthCode.MonDown, away, members.Count);
        AddItem(result, HealthCode.MonEven, members.Count % 2 == 0 ? members : []);
        AddItem(result, HealthCode.MonChanging, changing);
    }

    private void CheckOsds(HealthResult result)
    {
        List<string> down = [];
        List<string> impostors = [];
        List<string> corrupt = [];
        List<string> putOut = [];
        foreach (OsdInfo osd in Map.Osds)
        {
            if (osd.AutoOut) { putOut.Add($"osd.{osd.Id.Value} on {osd.Host}"); }
            if (!osd.Up && osd.In) { down.Add($"osd.{osd.Id.Value} on {osd.Host}{(osd.DownReason.Length > 0 ? $": {osd.DownReason}" : "")}"); }
            if (!_runtime.TryGetOsd(osd.Id, out OsdRuntime? runtime)) { continue; }
            if (runtime!.Impostor != Guid.Empty)
            {
                impostors.Add($"osd.{osd.Id.Value}: has device {osd.Device}, came with {runtime.Impostor}");
            }
            if (osd.Up && runtime.Corruptions > 0)
            {
                corrupt.Add($"osd.{osd.Id.Value}: {runtime.Corruptions} bad blocks or records");
            }
        }
        AddItem(result, HealthCode.OsdDown, down);
        AddItem(result, HealthCode.OsdOut, putOut);
        AddItem(result, HealthCode.ClusterFlags, FlagNames());
        AddItem(result, HealthCode.OsdDeviceReplaced, impostors);
        AddItem(result, HealthCode.OsdCorruption, corrupt);
    }

    private void CheckPgs(HealthResult result)
    {
        Plan();
        Dictionary<PgHealth, List<string>> found = new()
        {
            [PgHealth.Creating] = [],
            [PgHealth.Clean] = [],
            [PgHealth.Misplaced] = [],
            [PgHealth.Recovering] = [],
            [PgHealth.Degraded] = [],
            [PgHealth.Inactive] = [],
            [PgHealth.NoQuorum] = [],
        };
        SortedDictionary<uint, int> lost = [];
        foreach (PgInfo pg in Map.Pgs)
        {
            found[HealthOf(pg)].Add($"pg {pg.Id}");
            foreach (PgMember member in pg.Holders)
            {
                if (_runtime.StatOf(pg, member) is not { Role: PgRole.Lost }) { continue; }
                lost[member.Osd.Value] = lost.GetValueOrDefault(member.Osd.Value) + 1;
            }
        }
        AddItem(result, HealthCode.PgNoQuorum, found[PgHealth.NoQuorum]);
        AddItem(result, HealthCode.PgInactive, found[PgHealth.Inactive]);
        AddItem(result, HealthCode.PgDegraded, found[PgHealth.Degraded]);
        AddItem(result, HealthCode.PgCreating, found[PgHealth.Creating]);
        AddItem(result, HealthCode.PgRecovering, found[PgHealth.Recovering]);
        AddItem(result, HealthCode.PgMisplaced, found[PgHealth.Misplaced]);
        AddItem(result, HealthCode.PoolTooFewDomains, _crampedPools);
        List<string> lostOn = [];
        foreach (KeyValuePair<uint, int> osd in lost) { lostOn.Add($"osd.{osd.Key}: {osd.Value} PGs"); }
        AddItem(result, HealthCode.OsdLostData, lostOn);
    }

    private void CheckSpace(HealthResult result)
    {
        List<string> near = [];
        List<string> full = [];
        foreach (OsdRuntime osd in _runtime.Osds)
        {
            if (osd.SizeBytes <= 0) { continue; }
            long percent = UsedPercent(osd);
            string text = $"osd.{osd.Id.Value}: {percent} % of {osd.SizeBytes / Units.MiB} MiB used";
            if (IsFull(osd)) { full.Add(text); }
            else if (percent >= _options.NearFullPercent) { near.Add(text); }
        }
        AddItem(result, HealthCode.OsdFull, full);
        AddItem(result, HealthCode.OsdNearFull, near);
    }

    private void CheckImages(HealthResult result, long nowNanos)
    {
        List<string> silent = [];
        foreach (ImageInfo image in Map.Images)
        {
            if (image.Owned && image.State is ImageState.Ready && !IsOwnerAlive(image, nowNanos))
            {
                silent.Add($"{image.Name}: {Owner(image)}");
            }
        }
        AddItem(result, HealthCode.OwnerSilent, silent);
    }

    private PgHealth HealthOf(PgInfo pg)
    {
        if (pg.State is PgState.Creating) { return PgHealth.Creating; }
        int able = 0;
        foreach (PgMember member in pg.Voters)
        {
            bool up = Map.TryGetOsd(member.Osd, out OsdInfo? osd) && osd.Up && osd.Device == member.Device;
            bool lost = _runtime.StatOf(pg, member) is { Role: PgRole.Lost };
            if (up && !lost) { able++; }
        }
        if (able < pg.Majority) { return PgHealth.NoQuorum; }
        if (LeaderStat(pg) is not { } leader) { return PgHealth.Inactive; }
        if (able < pg.Voters.Count || !SeesAll(leader, pg) || MissesReplica(pg)) { return PgHealth.Degraded; }
        if (!pg.IsSettled) { return PgHealth.Recovering; }
        return _goals.ContainsKey(pg.Id.Value) ? PgHealth.Misplaced : PgHealth.Clean;
    }

    private static bool SeesAll(PgStat leader, PgInfo pg)
    {
        foreach (PgMember member in pg.Voters)
        {
            if (!leader.MembersSeen.Contains(member.Osd.Value)) { return false; }
        }
        return true;
    }

    private static string WordFor(PgHealth health) => health switch
    {
        PgHealth.Creating => "creating",
        PgHealth.Clean => "clean",
        PgHealth.Misplaced => "misplaced",
        PgHealth.Recovering => "recovering",
        PgHealth.Degraded => "degraded",
        PgHealth.Inactive => "inactive",
        _ => "noquorum",
    };

    private static void AddItem(HealthResult result, HealthCode code, List<string> details, int of = 0)
    {
        if (details.Count == 0) { return; }
        HealthItem item = new()
        {
            Level = code.Level,
            Code = code.Name,
            Summary = string.Format(CultureInfo.InvariantCulture, code.Summary, details.Count, of),
            Advice = code.Advice,
        };
        for (int i = 0; i < Math.Min(details.Count, MaxDetails); i++) { item.Details.Add(details[i]); }
        if (details.Count > MaxDetails) { item.Details.Add($"and {details.Count - MaxDetails} more"); }
        result.Items.Add(item);
    }
}

using System;
using System.Collections.Generic;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>Health: what is wrong, how bad it is, and what to do. docs/operations.md lists the codes.</summary>
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
        List<string> away = [];
        foreach (MonStatus mon in Mons)
        {
            if (!mon.InQuorum) { away.Add($"mon.{mon.Id} at {mon.Address}"); }
        }
        AddItem(result, HealthLevel.HealthWarn, "MON_DOWN", "{0} of " + Mons.Count + " monitors do not take part", away,
            "start it, or look into its log; with one more down commands stop, running clients go on");
    }

    private void CheckOsds(HealthResult result)
    {
        List<string> down = [];
        List<string> impostors = [];
        List<string> corrupt = [];
        foreach (OsdInfo osd in Map.Osds)
        {
            if (!osd.Up && osd.In) { down.Add($"osd.{osd.Id.Value} on {osd.Host}"); }
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
        AddItem(result, HealthLevel.HealthWarn, "OSD_DOWN", "{0} OSDs are down", down,
            "start them with 'fastblock osd', or look into their logs");
        AddItem(result, HealthLevel.HealthErr, "OSD_DEVICE_REPLACED", "{0} OSDs came with a device that is not theirs", impostors,
            "an emptied device does not become an old OSD again: make it a new one with 'fastblock osd mkfs'");
        AddItem(result, HealthLevel.HealthErr, "OSD_CORRUPTION", "{0} OSDs found damaged data on their devices", corrupt,
            "check the device (dmesg, smartctl); damaged blocks are read from other replicas");
    }

    private void CheckPgs(HealthResult result)
    {
        Dictionary<PgHealth, List<string>> found = new()
        {
            [PgHealth.Creating] = [],
            [PgHealth.Clean] = [],
            [PgHealth.Degraded] = [],
            [PgHealth.Inactive] = [],
            [PgHealth.NoQuorum] = [],
        };
        SortedDictionary<uint, int> lost = [];
        foreach (PgInfo pg in Map.Pgs)
        {
            found[HealthOf(pg)].Add($"pg {pg.Id}");
            foreach (PgMember member in pg.Members)
            {
                if (_runtime.StatOf(pg, member) is not { Role: PgRole.Lost }) { continue; }
                lost[member.Osd.Value] = lost.GetValueOrDefault(member.Osd.Value) + 1;
            }
        }
        AddItem(result, HealthLevel.HealthErr, "PG_NO_QUORUM", "{0} PGs have no majority: no I/O to them", found[PgHealth.NoQuorum],
            "bring their OSDs back; 'fastblock pg map' shows which");
        AddItem(result, HealthLevel.HealthWarn, "PG_INACTIVE", "{0} PGs have no leader at present", found[PgHealth.Inactive],
            "usually an election that is over in a second; if it stays, look into the logs of their OSDs");
        AddItem(result, HealthLevel.HealthWarn, "PG_DEGRADED", "{0} PGs miss a replica", found[PgHealth.Degraded],
            "bring the missing OSDs back; data is safe as long as a majority stays");
        AddItem(result, HealthLevel.HealthWarn, "PG_CREATING", "{0} PGs are being made", found[PgHealth.Creating],
            "takes a moment; if it stays, not enough of their OSDs are up");
        List<string> lostOn = [];
        foreach (KeyValuePair<uint, int> osd in lost) { lostOn.Add($"osd.{osd.Key}: {osd.Value} PGs"); }
        AddItem(result, HealthLevel.HealthErr, "OSD_LOST_DATA", "{0} OSDs have lost replicas that they should hold", lostOn,
            "the device was emptied or damaged; it stays out of those PGs, which go on with their other replicas");
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
        AddItem(result, HealthLevel.HealthErr, "OSD_FULL", "{0} OSDs are full: writes that need space fail", full,
            "remove images, trim file systems, or add OSDs");
        AddItem(result, HealthLevel.HealthWarn, "OSD_NEARFULL", "{0} OSDs are nearly full", near,
            "remove images, trim file systems, or add OSDs");
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
        AddItem(result, HealthLevel.HealthOk, "OWNER_SILENT", "{0} images have an owner that was not heard lately", silent,
            "nothing to do: the next one that opens the image takes it over");
    }

    private PgHealth HealthOf(PgInfo pg)
    {
        if (pg.State is PgState.Creating) { return PgHealth.Creating; }
        int able = 0;
        foreach (PgMember member in pg.Members)
        {
            bool up = Map.TryGetOsd(member.Osd, out OsdInfo? osd) && osd.Up && osd.Device == member.Device;
            bool lost = _runtime.StatOf(pg, member) is { Role: PgRole.Lost };
            if (up && !lost) { able++; }
        }
        if (able < pg.Majority) { return PgHealth.NoQuorum; }
        if (LeaderStat(pg) is not { } leader) { return PgHealth.Inactive; }
        return able == pg.Members.Count && leader.MembersSeen.Count >= pg.Members.Count ? PgHealth.Clean : PgHealth.Degraded;
    }

    private static string WordFor(PgHealth health) => health switch
    {
        PgHealth.Creating => "creating",
        PgHealth.Clean => "clean",
        PgHealth.Degraded => "degraded",
        PgHealth.Inactive => "inactive",
        _ => "noquorum",
    };

    private static void AddItem(HealthResult result, HealthLevel level, string code, string summary, List<string> details,
        string advice)
    {
        if (details.Count == 0) { return; }
        HealthItem item = new()
        {
            Level = level,
            Code = code,
            Summary = string.Format(CultureInfo.InvariantCulture, summary, details.Count),
            Advice = advice,
        };
        for (int i = 0; i < Math.Min(details.Count, MaxDetails); i++) { item.Details.Add(details[i]); }
        if (details.Count > MaxDetails) { item.Details.Add($"and {details.Count - MaxDetails} more"); }
        result.Items.Add(item);
    }
}

using System.Collections.Generic;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>What the OSDs report of damaged blocks and of scrubs.</summary>
internal sealed partial class MonState
{
    private void CheckDamage(HealthResult result)
    {
        List<string> damaged = [];
        List<string> unrepairable = [];
        foreach (PgInfo pg in Map.Pgs)
        {
            (ulong bad, ulong hopeless) = DamageOf(pg);
            if (bad > hopeless) { damaged.Add($"pg {pg.Id}: {bad - hopeless} blocks"); }
            if (hopeless > 0) { unrepairable.Add($"pg {pg.Id}: {hopeless} blocks or objects"); }
        }
        AddItem(result, HealthCode.PgDamaged, damaged);
        AddItem(result, HealthCode.ObjectUnrepairable, unrepairable);
    }

    /// <summary>Of all replicas that are up.</summary>
    private (ulong Damaged, ulong Unrepairable) DamageOf(PgInfo pg)
    {
        (ulong damaged, ulong unrepairable) = (0, 0);
        IReadOnlyList<PgMember> holders = pg.Holders;
        for (int i = 0; i < holders.Count; i++)
        {
            if (!Map.TryGetOsd(holders[i].Osd, out OsdInfo? osd) || !osd.Up) { continue; }
            if (_runtime.StatOf(pg, holders[i]) is not { } stat) { continue; }
            damaged = unchecked(damaged + stat.DamagedBlocks);
            unrepairable = unchecked(unrepairable + stat.Unrepairable);
        }
        return (damaged, unrepairable);
    }

    private void AddScrub(PgStatus status, PgInfo pg, PgStat? leader)
    {
        (status.DamagedBlocks, status.Unrepairable) = DamageOf(pg);
        status.ScrubbedMs = leader?.ScrubbedMs ?? 0;
        status.ScrubObjects = leader?.ScrubObjects ?? 0;
    }
}

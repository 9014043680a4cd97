using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock pg scrub</c>: asks the PGs' leaders to compare all replicas now.</summary>
internal static class PgScrubCommand
{
    private const long PollNanos = 200 * Units.NanosPerMilli;

    public static Command Create()
    {
        Argument<string?> target = new("pg") { Description = "A PG as POOL-ID.NUMBER (number in hex).", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> all = new("--all") { Description = "Every PG of every pool." };
        Option<bool> wait = new("--wait") { Description = "Wait until it is done, at most --timeout." };
        ManualCommand scrub = new("scrub", "Read and compare all replicas of a PG now, and repair what is damaged. It goes on in the background.",
            "fastblock pg scrub 1.2f", "fastblock pg scrub --all --wait --timeout 3600");
        scrub.Arguments.Add(target);
        scrub.Options.Add(all);
        scrub.Options.Add(wait);
        return scrub.Does(parsed =>
        {
            string? text = parsed.GetValue(target);
            if (parsed.GetValue(all) == text is not null) { throw new OperatorException(ExitCode.Usage, "give one PG, or --all"); }
            PgId? pg = text is null ? null : PgCommand.ParsePg(text);
            bool waits = parsed.GetValue(wait);
            return ClusterSession.Run(parsed, session => RunAsync(session, pg, waits));
        });
    }

    private static async ReactorTask<ExitCode> RunAsync(ClusterSession session, PgId? pg, bool waits)
    {
        ClusterMap map = await session.MapAsync();
        if (pg is { } one && !map.TryGetPg(one, out _)) { throw new OperatorException(ExitCode.NotFound, $"there is no PG {one}"); }
        SortedDictionary<ulong, PgStatus> before = await StatsAsync(session, pg);
        List<string> refused = [];
        foreach (PgStatus status in before.Values)
        {
            string? why = await AskAsync(session, map, status);
            if (why is not null) { refused.Add($"pg {new PgId(status.Pg)}: {why}"); }
        }
        int begun = before.Count - refused.Count;
        if (refused.Count > 0) { throw new OperatorException(ExitCode.WrongState, $"{begun} PGs are scrubbed now, not {string.Join("; ", refused)}"); }
        if (!waits)
        {
            Print(session, before.Count, 0, 0);
            return ExitCode.Ok;
        }
        while (session.LeftNanos > PollNanos)
        {
            await session.Reactor.Delay(PollNanos);
            SortedDictionary<ulong, PgStatus> now = await StatsAsync(session, pg);
            (int done, ulong damaged, ulong unrepairable) = (0, 0, 0);
            foreach ((ulong id, PgStatus status) in now)
            {
                done += before.TryGetValue(id, out PgStatus? old) && status.ScrubbedMs != old.ScrubbedMs ? 1 : 0;
                damaged += status.DamagedBlocks;
                unrepairable += status.Unrepairable;
            }
            if (done < before.Count) { continue; }
            Print(session, done, damaged, unrepairable);
            return unrepairable > 0 ? ExitCode.Failed : ExitCode.Ok;
        }
        throw new OperatorException(ExitCode.Timeout, "the scrub goes on in the background; 'fastblock pg ls' shows how far it is");
    }

    private static async ReactorTask<SortedDictionary<ulong, PgStatus>> StatsAsync(ClusterSession session, PgId? pg)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest { PgStats = new PgStatsRequest { Pool = pg?.Pool.Value ?? 0 } }, "pg scrub");
        SortedDictionary<ulong, PgStatus> stats = [];
        foreach (PgStatus status in reply.PgStatsResult.Pgs)
        {
            if (pg is null || status.Pg == pg.Value.Value) { stats[status.Pg] = status; }
        }
        return stats;
    }

    /// <returns>Null, or why its leader does not begin.</returns>
    private static async ReactorTask<string?> AskAsync(ClusterSession session, ClusterMap map, PgStatus status)
    {
        if (!status.HasLeader || !map.TryGetOsd(new OsdId(status.Leader), out OsdInfo? osd) || osd.PublicAddress is null
            || !map.TryGetPg(new PgId(status.Pg), out PgInfo? info))
        {
            return "it has no leader now";
        }
        ControlReply reply = await OsdCall.AskAsync(
            session, osd.PublicAddress, new ControlRequest { PgScrub = new PgScrubRequest { Pg = status.Pg } }, (ushort)info.Shard);
        return reply.Status is ControlStatus.StatusOk ? null : reply.Text.Length > 0 ? reply.Text : reply.Status.ToString();
    }

    private static void Print(ClusterSession session, int pgs, ulong damaged, ulong unrepairable) => CommandOutput.Print(session.Json, json =>
    {
        json.WriteStartObject();
        json.WriteNumber("pgs", pgs);
        json.WriteNumber("damaged_blocks", damaged);
        json.WriteNumber("unrepairable", unrepairable);
        json.WriteEndObject();
    }, output => output.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{pgs} PGs; {damaged} damaged blocks are not repaired yet, {unrepairable} cannot be")));
}

using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock pg ls</c> and <c>pg map</c>.</summary>
internal static class PgCommand
{
    public static Command Create()
    {
        ManualCommand pg = new("pg", "Show placement groups.");
        Argument<string?> pool = new("pool") { Description = "Only this pool.", Arity = ArgumentArity.ZeroOrOne };
        ManualCommand list = new("ls", "List the PGs with their state, leader and members.", "fastblock pg ls", "fastblock pg ls vol --json");
        list.Arguments.Add(pool);
        pg.Subcommands.Add(list.Does(parsed =>
        {
            string? wanted = parsed.GetValue(pool) is string name ? ImageSpec.ParseName(name, "pool") : null;
            return ClusterSession.Run(parsed, session => ListAsync(session, wanted));
        }));

        Argument<string> target = new("target") { Description = "A PG as POOL-ID.NUMBER (number in hex), or POOL/IMAGE.", HelpName = "PG|POOL/IMAGE" };
        Option<string> offset = new("--offset") { Description = "Place in the image.", HelpName = "SIZE", DefaultValueFactory = _ => "0" };
        ManualCommand map = new("map", "Show where a PG, or the object at an offset of an image, lives.",
            "fastblock pg map 1.2f", "fastblock pg map vol/demo --offset 1G");
        map.Arguments.Add(target);
        map.Options.Add(offset);
        pg.Subcommands.Add(map.Does(parsed =>
        {
            string text = parsed.GetRequiredValue(target);
            long at = SizeText.Parse(parsed.GetRequiredValue(offset), "--offset");
            return ClusterSession.Run(parsed, session => MapAsync(session, text, at));
        }));
        pg.Subcommands.Add(PgScrubCommand.Create());
        return pg;
    }

    private static async ReactorTask<ExitCode> ListAsync(ClusterSession session, string? poolName)
    {
        ClusterMap map = await session.MapAsync();
        PoolInfo? pool = null;
        if (poolName is not null && !map.TryGetPool(poolName, out pool)) { throw new OperatorException(ExitCode.NotFound, $"there is no pool '{poolName}'"); }
        ControlReply reply = await session.AskAsync(new ControlRequest { PgStats = new PgStatsRequest { Pool = pool?.Id.Value ?? 0 } }, "pg ls");
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartArray();
            foreach (PgStatus status in reply.PgStatsResult.Pgs) { WriteJson(json, map, status); }
            json.WriteEndArray();
        }, output =>
        {
            TextTable table = new("PG", "STATE", ">SHARD", "LEADER", "MEMBERS", "MOVES FROM", ">TO COPY", ">TERM", ">COMMIT", ">USED", "SCRUBBED");
            foreach (PgStatus status in reply.PgStatsResult.Pgs)
            {
                _ = map.TryGetPg(new PgId(status.Pg), out PgInfo? pg);
                table.Add(new PgId(status.Pg).ToString(), status.State, pg is null ? "?" : pg.Shard.ToString(CultureInfo.InvariantCulture),
                    status.HasLeader ? $"osd.{status.Leader}" : "none", Members(pg), MovesFrom(pg),
                    status.BytesLeft > 0 ? SizeText.Format(status.BytesLeft) : "-", status.Term.ToString(CultureInfo.InvariantCulture),
                    status.Commit.ToString(CultureInfo.InvariantCulture), SizeText.Format(status.UsedBytes), ScrubText(status));
            }
            table.WriteTo(output);
        });
        return ExitCode.Ok;
    }

    /// <summary>When the last pass ended, how far the present one is, and what is damaged.</summary>
    private static string ScrubText(PgStatus status)
    {
        string text = status.ScrubbedMs == 0 ? "never"
            : DateTimeOffset.FromUnixTimeMilliseconds(status.ScrubbedMs).ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
        if (status.ScrubObjects > 0) { text += $", now at object {status.ScrubObjects}"; }
        if (status.DamagedBlocks > 0) { text += $", {status.DamagedBlocks} damaged"; }
        return status.Unrepairable > 0 ? $"{text}, {status.Unrepairable} UNREPAIRABLE" : text;
    }

    private static void WriteJson(Utf8JsonWriter json, ClusterMap map, PgStatus status)
    {
        json.WriteStartObject();
        json.WriteString("pg", new PgId(status.Pg).ToString());
        json.WriteString("state", status.State);
        if (status.HasLeader) { json.WriteNumber("leader", status.Leader); }
        else { json.WriteNull("leader"); }
        json.WriteNumber("term", status.Term);
        json.WriteNumber("commit", status.Commit);
        json.WriteNumber("used_bytes", status.UsedBytes);
        if (map.TryGetPg(new PgId(status.Pg), out PgInfo? pg)) { WritePlace(json, pg); }
        json.WriteNumber("scrubbed_ms", status.ScrubbedMs);
        json.WriteNumber("scrub_objects", status.ScrubObjects);
        json.WriteNumber("damaged_blocks", status.DamagedBlocks);
        json.WriteNumber("unrepairable", status.Unrepairable);
        WriteNumbers(json, "members_seen", status.MembersSeen);
        WriteNumbers(json, "lost_on", status.LostOn);
        json.WriteNumber("bytes_left", status.BytesLeft);
        json.WriteEndObject();
    }

    private static async ReactorTask<ExitCode> MapAsync(ClusterSession session, string target, long offset)
    {
        bool isImage = target.Contains('/', StringComparison.Ordinal);
        ImageSpec? spec = isImage ? ImageSpec.Parse(target) : null;
        PgId id = isImage ? default : ParsePg(target);
        ClusterMap map = await session.MapAsync();
        uint objectIndex = 0;
        if (spec is not null)
        {
            (PoolInfo pool, ImageInfo image) = ImageShowCommands.Find(map, spec);
            if (offset >= image.SizeBytes)
            {
                throw new OperatorException(ExitCode.Usage, $"--offset {offset} is beyond the end of '{spec}' ({image.SizeBytes} bytes)");
            }
            objectIndex = (uint)(offset / pool.ObjectBytes);
            id = Placement.PgOf(pool, new ObjectId(image.Id, objectIndex));
        }
        if (!map.TryGetPg(id, out PgInfo? pg)) { throw new OperatorException(ExitCode.NotFound, $"there is no PG {id}"); }
        CommandOutput.Print(session.Json, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("epoch", map.Epoch.Value);
            json.WriteString("pg", id.ToString());
            if (spec is not null) { json.WriteNumber("object", objectIndex); }
            WritePlace(json, pg);
            json.WriteEndObject();
        }, output =>
        {
            string what = spec is null ? "" : $"image '{spec}' object {objectIndex} -> ";
            output.WriteLine($"epoch {map.Epoch.Value}: {what}pg {id} -> {Members(pg)}, shard {pg.Shard}, {ConfigKey.Lower(pg.State)}");
        });
        return ExitCode.Ok;
    }

    /// <summary>"1.2f": pool id, dot, number in hex.</summary>
    public static PgId ParsePg(string text)
    {
        string[] parts = text.Split('.');
        return parts.Length == 2 && uint.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out uint pool)
            && uint.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint number)
            ? new PgId(new PoolId(pool), number)
            : throw new OperatorException(ExitCode.Usage, $"'{text}' is neither a PG (as in 1.2f) nor an image (as in vol/demo)");
    }

    /// <summary>"[0,2,1]", the preferred leader first.</summary>
    private static string Members(PgInfo? pg)
    {
        if (pg is null) { return "?"; }
        List<string> members = [];
        foreach (PgMember member in pg.Members)
        {
            string text = member.Osd.Value.ToString(CultureInfo.InvariantCulture);
            if (member.Osd == pg.PreferredLeader) { members.Insert(0, text); }
            else { members.Add(text); }
        }
        return $"[{string.Join(",", members)}]";
    }

    /// <summary>Who votes at present, while that is not the members; "-" when nothing is under way.</summary>
    private static string MovesFrom(PgInfo? pg)
    {
        if (pg is null || pg.IsSettled) { return "-"; }
        List<uint> voters = [];
        foreach (PgMember member in pg.Voters) { voters.Add(member.Osd.Value); }
        return $"[{string.Join(",", voters)}]";
    }

    private static void WritePlace(Utf8JsonWriter json, PgInfo pg)
    {
        json.WriteNumber("shard", pg.Shard);
        json.WriteNumber("preferred_leader", pg.PreferredLeader.Value);
        json.WriteNumber("incarnation", pg.Incarnation);
        json.WriteStartArray("members");
        foreach (PgMember member in pg.Members) { json.WriteNumberValue(member.Osd.Value); }
        json.WriteEndArray();
        json.WriteStartArray("voters");
        foreach (PgMember member in pg.Voters) { json.WriteNumberValue(member.Osd.Value); }
        json.WriteEndArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IEnumerable<uint> numbers)
    {
        json.WriteStartArray(name);
        foreach (uint number in numbers) { json.WriteNumberValue(number); }
        json.WriteEndArray();
    }
}

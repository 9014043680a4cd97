using System;
using System.CommandLine;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock status</c>: the cluster on one screen.</summary>
internal static class StatusCommand
{
    public static Command Create() => new ManualCommand("status", "Show the whole cluster on one screen.",
        "fastblock status", "fastblock status --json | jq .pgs_clean").Does(parsed => ClusterSession.Run(parsed, RunAsync));

    /// <summary>Asks and prints.</summary>
    private static async ReactorTask<ExitCode> RunAsync(ClusterSession session)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest { Status = new StatusRequest() }, "status");
        CommandOutput.Print(session.Json, json => WriteJson(json, reply.StatusResult), output => WriteText(output, reply.StatusResult));
        return ExitCode.Ok;
    }

    internal static void WriteText(TextWriter output, StatusResult status)
    {
        output.WriteLine("  cluster:");
        output.WriteLine($"    id:      {Uuid(status)}");
        output.WriteLine($"    health:  {HealthCommand.NameOf(status.Health?.Level ?? HealthLevel.HealthOk)}");
        foreach (HealthItem item in status.Health?.Items ?? []) { output.WriteLine($"             {item.Summary}"); }
        output.WriteLine();
        output.WriteLine("  services:");
        string quorum = "";
        int inQuorum = 0;
        foreach (MonStatus mon in status.Mons)
        {
            if (mon.InQuorum) { inQuorum++; }
            if (mon.Leader) { quorum = $", leader mon.{mon.Id} at {mon.Address}"; }
        }
        output.WriteLine($"    mon:     {status.Mons.Count} monitors, {inQuorum} in quorum{quorum}");
        output.WriteLine($"    osd:     {status.Osds} osds: {status.OsdsUp} up, {status.OsdsIn} in; {status.Shards} shards each");
        output.WriteLine();
        output.WriteLine("  data:");
        output.WriteLine($"    pools:   {status.Pools} pools, {status.Pgs} pgs");
        string purging = status.ImagesPurging > 0 ? $", {status.ImagesPurging} being removed" : "";
        string shrinking = status.ImagesShrinking > 0 ? $", {status.ImagesShrinking} becoming smaller" : "";
        output.WriteLine($"    images:  {status.Images} images{purging}{shrinking}");
        foreach (ImageFreeing image in status.Freeing)
        {
            output.WriteLine($"             {image.PoolName}/{image.Name} (id {image.Image}) {(image.Removed ? "removed" : "cut")}: "
                + $"{image.Pgs - image.PgsPending} of {image.Pgs} PGs have freed it");
        }
        output.WriteLine($"    usage:   {SizeText.Format(status.UsedBytes)} used, "
            + $"{SizeText.Format(status.SizeBytes - status.UsedBytes)} / {SizeText.Format(status.SizeBytes)} avail");
        output.WriteLine($"    pgs:     {status.PgsActive} active, {status.PgsClean} clean of {status.Pgs}");
        if (status.Recovery is { } recovery && recovery.PgsMoving + recovery.PgsWaiting > 0) { WriteRecovery(output, recovery); }
        if (status.Flags.Count > 0) { output.WriteLine($"    flags:   {string.Join(", ", status.Flags)}"); }
    }

    private static void WriteRecovery(TextWriter output, RecoveryStatus recovery)
    {
        string left = recovery.SecondsLeft < 0 ? "" : $", about {TimeSpan.FromSeconds(recovery.SecondsLeft):g} left";
        output.WriteLine($"    moving:  {recovery.PgsMoving} pgs, {recovery.PgsWaiting} waiting; {SizeText.Format(recovery.BytesLeft)} to copy, "
            + $"{SizeText.Format(recovery.BytesPerSecond)}/s{left}");
    }

    internal static void WriteJson(Utf8JsonWriter json, StatusResult status)
    {
        json.WriteStartObject();
        json.WriteString("cluster", Uuid(status));
        json.WriteNumber("epoch", status.Epoch);
        json.WritePropertyName("health");
        HealthCommand.WriteJson(json, status.Health ?? new HealthResult());
        json.WriteStartArray("mons");
        foreach (MonStatus mon in status.Mons)
        {
            json.WriteStartObject();
            json.WriteNumber("id", mon.Id);
            json.WriteString("address", mon.Address);
            json.WriteBoolean("leader", mon.Leader);
            json.WriteBoolean("in_quorum", mon.InQuorum);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNumber("shards", status.Shards);
        json.WriteNumber("osds", status.Osds);
        json.WriteNumber("osds_up", status.OsdsUp);
        json.WriteNumber("osds_in", status.OsdsIn);
        json.WriteNumber("pools", status.Pools);
        json.WriteNumber("images", status.Images);
        json.WriteNumber("images_purging", status.ImagesPurging);
        json.WriteNumber("images_shrinking", status.ImagesShrinking);
        json.WriteStartArray("freeing");
        foreach (ImageFreeing image in status.Freeing)
        {
            json.WriteStartObject();
            json.WriteNumber("id", image.Image);
            json.WriteString("image", $"{image.PoolName}/{image.Name}");
            json.WriteBoolean("removed", image.Removed);
            json.WriteNumber("pgs", image.Pgs);
            json.WriteNumber("pgs_pending", image.PgsPending);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNumber("pgs", status.Pgs);
        json.WriteNumber("pgs_active", status.PgsActive);
        json.WriteNumber("pgs_clean", status.PgsClean);
        RecoveryStatus recovery = status.Recovery ?? new RecoveryStatus();
        json.WriteStartObject("recovery");
        json.WriteNumber("pgs_moving", recovery.PgsMoving);
        json.WriteNumber("pgs_waiting", recovery.PgsWaiting);
        json.WriteNumber("bytes_left", recovery.BytesLeft);
        json.WriteNumber("bytes_per_second", recovery.BytesPerSecond);
        json.WriteNumber("seconds_left", recovery.SecondsLeft);
        json.WriteEndObject();
        json.WriteStartArray("flags");
        foreach (string flag in status.Flags) { json.WriteStringValue(flag); }
        json.WriteEndArray();
        json.WriteNumber("size_bytes", status.SizeBytes);
        json.WriteNumber("used_bytes", status.UsedBytes);
        json.WriteEndObject();
    }

    private static string Uuid(StatusResult status) => UuidBytes.TryRead(status.ClusterUuid, out Guid uuid) ? uuid.ToString() : "unknown";
}

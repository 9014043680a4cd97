using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock df</c>: room, by pool and by OSD.</summary>
internal static class DfCommand
{
    public static Command Create() => new ManualCommand("df", "Show how full the cluster, its pools and its OSDs are.",
        "fastblock df", "fastblock df --json").Does(parsed => ClusterSession.Run(parsed, RunAsync));

    private static async ReactorTask<ExitCode> RunAsync(ClusterSession session)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest { Df = new DfRequest() }, "df");
        CommandOutput.Print(session.Json, json => WriteJson(json, reply.DfResult), output => WriteText(output, reply.DfResult));
        return ExitCode.Ok;
    }

    internal static void WriteText(TextWriter output, DfResult df)
    {
        output.WriteLine($"{SizeText.Format(df.SizeBytes)} in all, {SizeText.Format(df.UsedBytes)} used, "
            + $"{SizeText.Format(df.SizeBytes - df.UsedBytes)} free ({Percent(df.UsedBytes, df.SizeBytes)} used)");
        output.WriteLine();
        TextTable pools = new("POOL", ">ID", ">IMAGES", ">PROVISIONED", ">STORED", ">USED", ">MAX AVAIL");
        foreach (PoolUsage pool in df.Pools)
        {
            pools.Add(pool.Name, Text(pool.Id), Text(pool.Images), SizeText.Format(pool.ProvisionedBytes),
                SizeText.Format(pool.StoredBytes), SizeText.Format(pool.UsedBytes), SizeText.Format(pool.AvailableBytes));
        }
        pools.WriteTo(output);
        output.WriteLine();
        TextTable osds = new("OSD", ">SIZE", ">USED", ">FREE", ">%USE", ">PGS", ">LEADING");
        foreach (OsdUsage osd in df.Osds)
        {
            osds.Add($"osd.{osd.Id}", SizeText.Format(osd.SizeBytes), SizeText.Format(osd.UsedBytes),
                SizeText.Format(osd.SizeBytes - osd.UsedBytes), Percent(osd.UsedBytes, osd.SizeBytes), Text(osd.Pgs), Text(osd.PgsLeading));
        }
        osds.WriteTo(output);
    }

    private static void WriteJson(Utf8JsonWriter json, DfResult df)
    {
        json.WriteStartObject();
        json.WriteNumber("size_bytes", df.SizeBytes);
        json.WriteNumber("used_bytes", df.UsedBytes);
        json.WriteStartArray("pools");
        foreach (PoolUsage pool in df.Pools)
        {
            json.WriteStartObject();
            json.WriteNumber("id", pool.Id);
            json.WriteString("name", pool.Name);
            json.WriteNumber("images", pool.Images);
            json.WriteNumber("provisioned_bytes", pool.ProvisionedBytes);
            json.WriteNumber("stored_bytes", pool.StoredBytes);
            json.WriteNumber("used_bytes", pool.UsedBytes);
            json.WriteNumber("available_bytes", pool.AvailableBytes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("osds");
        foreach (OsdUsage osd in df.Osds)
        {
            json.WriteStartObject();
            json.WriteNumber("id", osd.Id);
            json.WriteNumber("size_bytes", osd.SizeBytes);
            json.WriteNumber("used_bytes", osd.UsedBytes);
            json.WriteNumber("pgs", osd.Pgs);
            json.WriteNumber("pgs_leading", osd.PgsLeading);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Text(uint number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Percent(long part, long whole) =>
        whole == 0 ? "-" : string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.0} %");
}

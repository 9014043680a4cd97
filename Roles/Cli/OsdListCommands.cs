using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock osd ls</c>, <c>osd tree</c> and what else hangs under the osd role's command.</summary>
internal static class OsdListCommands
{
    /// <summary>Hangs them under the role's own command.</summary>
    public static Command AddTo(Command osd)
    {
        foreach (Command command in Create()) { osd.Subcommands.Add(command); }
        foreach (Command command in OsdAdminCommands.Create()) { osd.Subcommands.Add(command); }
        return osd;
    }

    private static IEnumerable<Command> Create()
    {
        yield return new ManualCommand("ls", "List the OSDs.", "fastblock osd ls", "fastblock osd ls --json")
            .Does(parsed => ClusterSession.Run(parsed, ListAsync));
        yield return new ManualCommand("tree", "List the OSDs by rack and host.", "fastblock osd tree")
            .Does(parsed => ClusterSession.Run(parsed, TreeAsync));
    }

    private static async ReactorTask<ExitCode> ListAsync(ClusterSession session)
    {
        ClusterMap map = await session.MapAsync();
        CommandOutput.Print(session.Json, json => WriteJson(json, map), output =>
        {
            TextTable table = new("OSD", "UP", "IN", ">SIZE", ">WEIGHT", ">SHARDS", "HOST", "PUBLIC", "CLUSTER");
            foreach (OsdInfo osd in map.Osds)
            {
                table.Add($"osd.{osd.Id.Value}", osd.Up ? "up" : "down", osd.In ? "in" : "out", SizeText.Format(osd.SizeBytes),
                    osd.Weight.ToString(CultureInfo.InvariantCulture), osd.Shards.ToString(CultureInfo.InvariantCulture),
                    osd.Host, osd.PublicAddress?.ToString() ?? "-", osd.ClusterAddress?.ToString() ?? "-");
            }
            table.WriteTo(output);
        });
        return ExitCode.Ok;
    }

    private static async ReactorTask<ExitCode> TreeAsync(ClusterSession session)
    {
        ClusterMap map = await session.MapAsync();
        CommandOutput.Print(session.Json, json => WriteJson(json, map), output => WriteTree(output, map));
        return ExitCode.Ok;
    }

    private static void WriteTree(TextWriter output, ClusterMap map)
    {
        SortedDictionary<string, SortedDictionary<string, List<OsdInfo>>> racks = new(StringComparer.Ordinal);
        foreach (OsdInfo osd in map.Osds)
        {
            if (!racks.TryGetValue(osd.Rack, out SortedDictionary<string, List<OsdInfo>>? hosts))
            {
                hosts = new(StringComparer.Ordinal);
                racks.Add(osd.Rack, hosts);
            }
            if (!hosts.TryGetValue(osd.Host, out List<OsdInfo>? osds))
            {
                osds = [];
                hosts.Add(osd.Host, osds);
            }
            osds.Add(osd);
        }
        TextTable table = new("NAME", "UP", "IN", ">SIZE", ">WEIGHT");
        foreach ((string rack, SortedDictionary<string, List<OsdInfo>> hosts) in racks)
        {
            string indent = rack.Length > 0 ? "  " : "";
            if (rack.Length > 0) { table.Add($"rack {rack}", "", "", "", ""); }
            foreach ((string host, List<OsdInfo> osds) in hosts)
            {
                table.Add($"{indent}host {host}", "", "", "", "");
                foreach (OsdInfo osd in osds)
                {
                    table.Add($"{indent}  osd.{osd.Id.Value}", osd.Up ? "up" : "down", osd.In ? "in" : "out",
                        SizeText.Format(osd.SizeBytes), osd.Weight.ToString(CultureInfo.InvariantCulture));
                }
            }
        }
        table.WriteTo(output);
    }

    private static void WriteJson(Utf8JsonWriter json, ClusterMap map)
    {
        json.WriteStartArray();
        foreach (OsdInfo osd in map.Osds)
        {
            json.WriteStartObject();
            json.WriteNumber("id", osd.Id.Value);
            json.WriteBoolean("up", osd.Up);
            json.WriteBoolean("in", osd.In);
            json.WriteNumber("size_bytes", osd.SizeBytes);
            json.WriteNumber("weight", osd.Weight);
            json.WriteNumber("shards", osd.Shards);
            json.WriteString("device_uuid", osd.Device);
            json.WriteString("host", osd.Host);
            json.WriteString("rack", osd.Rack);
            json.WriteString("public_address", osd.PublicAddress?.ToString() ?? "");
            json.WriteString("cluster_address", osd.ClusterAddress?.ToString() ?? "");
            json.WriteNumber("boots", osd.Boots);
            json.WriteBoolean("auto_out", osd.AutoOut);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}

using System.CommandLine;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Cli;

/// <summary><c>fastblock health</c>: what is wrong, why, and what to do.</summary>
internal static class HealthCommand
{
    public static Command Create() => new ManualCommand("health",
        "Show what is wrong with the cluster and what to do. Exits with 0 also when something is; scripts read the first word.",
        "fastblock health", "fastblock health --json | jq -r .status").Does(parsed => ClusterSession.Run(parsed, RunAsync));

    public static string NameOf(HealthLevel level) => level switch
    {
        HealthLevel.HealthOk => "HEALTH_OK",
        HealthLevel.HealthWarn => "HEALTH_WARN",
        _ => "HEALTH_ERR",
    };

    private static string LabelOf(HealthLevel level) => level switch
    {
        HealthLevel.HealthOk => "INFO",
        HealthLevel.HealthWarn => "WARN",
        _ => "ERR",
    };

    private static async ReactorTask<ExitCode> RunAsync(ClusterSession session)
    {
        ControlReply reply = await session.AskAsync(new ControlRequest { Health = new HealthRequest() }, "health");
        CommandOutput.Print(session.Json, json => WriteJson(json, reply.HealthResult), output => WriteText(output, reply.HealthResult));
        return ExitCode.Ok;
    }

    internal static void WriteText(TextWriter output, HealthResult health)
    {
        output.WriteLine(NameOf(health.Level));
        foreach (HealthItem item in health.Items)
        {
            output.WriteLine($"[{LabelOf(item.Level)}] {item.Code}: {item.Summary}");
            foreach (string detail in item.Details) { output.WriteLine($"    {detail}"); }
            if (item.Advice.Length > 0) { output.WriteLine($"    what to do: {item.Advice}"); }
        }
    }

    internal static void WriteJson(Utf8JsonWriter json, HealthResult health)
    {
        json.WriteStartObject();
        json.WriteString("status", NameOf(health.Level));
        json.WriteStartArray("items");
        foreach (HealthItem item in health.Items)
        {
            json.WriteStartObject();
            json.WriteString("level", NameOf(item.Level));
            json.WriteString("code", item.Code);
            json.WriteString("summary", item.Summary);
            json.WriteStartArray("details");
            foreach (string detail in item.Details) { json.WriteStringValue(detail); }
            json.WriteEndArray();
            json.WriteString("advice", item.Advice);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}

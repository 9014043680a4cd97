using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net.Http;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Fastblock.Tests.Unit.Config;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>The /metrics pages of a running cluster: well-formed, and exactly what docs/operations.md lists.</summary>
[Collection(E2eCollection.Name)]
public sealed class MetricsTests
{
    [Needs("promtool")]
    public async Task Every_metric_is_in_the_operations_document_and_the_other_way_round()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "8");
        // Running servers are left alone; the second run only reports where they are.
        CommandResult report = Shell.Fastblock("vstart", "--dir", cluster.Root, "--no-bench", "--detach", "--nbd-port", "0", "--json");
        SortedDictionary<string, (string Roles, string Type, string Help)> metrics = new(StringComparer.Ordinal);
        using HttpClient client = new();
        List<string> servers = [];
        foreach (JsonProperty endpoint in report.Json().GetProperty("metrics").EnumerateObject())
        {
            servers.Add(endpoint.Name);
            string page = await client.GetStringAsync(new Uri(endpoint.Value.GetString()!));
            RequirePromtool(endpoint.Name, page);
            Collect(metrics, endpoint.Name.Split('.')[0], page);
            Uri health = new(endpoint.Value.GetString()!.Replace("/metrics", "/health", StringComparison.Ordinal));
            Assert.NotEmpty(await client.GetStringAsync(health));
        }
        Assert.Equal(["mon.0", "nbd", "osd.0", "osd.1", "osd.2"], servers);

        StringBuilder table = new("| metric | on | type | meaning |\n|---|---|---|---|\n");
        foreach ((string name, (string roles, string type, string help)) in metrics) { table.Append($"| `{name}` | {roles} | {type} | {help} |\n"); }
        GeneratedParts.CheckPart(RepositoryFiles.PathOf("docs", "operations.md"), "metrics", table.ToString());
    }

    /// <summary>Our own families of a page; counters end in _total, histograms in _seconds.</summary>
    private static void Collect(SortedDictionary<string, (string Roles, string Type, string Help)> metrics, string role, string page)
    {
        Assert.Contains("\ndotnet_", page, StringComparison.Ordinal); // the runtime's are there, too
        foreach (Match family in Regex.Matches(page, "^# HELP (fastblock_\\w+) (.*)\n# TYPE \\1 (\\w+)$", RegexOptions.Multiline))
        {
            string name = family.Groups[1].Value, help = family.Groups[2].Value, type = family.Groups[3].Value;
            Assert.Equal(type == "counter", name.EndsWith("_total", StringComparison.Ordinal));
            Assert.Equal(type == "histogram", name.EndsWith("_seconds", StringComparison.Ordinal));
            Assert.Matches($"(?m)^{name}(_bucket)?(\\{{.*\\}})? [0-9]", page);
            if (!metrics.TryGetValue(name, out (string Roles, string Type, string Help) known)) { metrics[name] = (role, type, help); }
            else if (!known.Roles.Contains(role, StringComparison.Ordinal)) { metrics[name] = ($"{known.Roles}, {role}", type, help); }
        }
    }

    private static void RequirePromtool(string server, string page)
    {
        using Process promtool = Shell.Start("promtool", ["check", "metrics"]);
        promtool.StandardInput.Write(page);
        CommandResult result = Shell.Finish(promtool, "promtool", ["check", "metrics"]);
        Assert.True(result.Code == 0, $"{server}\n{result.Output}{result.Error}\n{page}");
    }
}

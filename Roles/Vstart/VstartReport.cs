using System;
using System.IO;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Vstart;

/// <summary>What vstart tells when the cluster is ready: how to connect, where its parts are.</summary>
internal sealed class VstartReport(VstartDirectory directory, VstartSettings settings, string image)
{
    /// <summary>Result of the benchmark, as JSON; null when there was none.</summary>
    public string? BenchJson { get; init; }

    /// <summary>One JSON document with everything, the cluster's status included.</summary>
    public void PrintJson(string statusJson) => CommandOutput.Print(asJson: true, json =>
    {
        json.WriteStartObject();
        json.WriteString("dir", directory.Root);
        json.WriteString("config", directory.Config);
        json.WriteStartArray("mons");
        foreach (string mon in settings.MonAddresses) { json.WriteStringValue(mon); }
        json.WriteEndArray();
        json.WriteStartObject("nbd");
        json.WriteString("export", image);
        json.WriteString("address", NbdAddress);
        json.WriteString("socket", directory.NbdSocket);
        json.WriteString("uri", NbdUri);
        json.WriteString("socket_uri", SocketUri);
        json.WriteEndObject();
        json.WriteStartObject("metrics");
        foreach ((string server, int port) in settings.MetricsPorts) { json.WriteString(server, MetricsUrl(port)); }
        json.WriteEndObject();
        json.WritePropertyName("bench");
        json.WriteRawValue(BenchJson ?? "null");
        json.WritePropertyName("status");
        json.WriteRawValue(statusJson);
        json.WriteEndObject();
    }, _ => { });

    /// <summary>For people; the cluster's status has been printed before.</summary>
    public void PrintText()
    {
        TextWriter output = Console.Out;
        output.WriteLine($"""

            NBD export {image}:
              nbdinfo {NbdUri}
              nbdinfo '{SocketUri}'
              qemu-img info {NbdUri}
              sudo nbd-client -N {image} {NbdAddress.Replace(":", " ", StringComparison.Ordinal)} /dev/nbd0
            command line:
              fastblock --config {directory.Config} status
            metrics for Prometheus:
            """);
        foreach ((string server, int port) in settings.MetricsPorts) { output.WriteLine($"  {server,-6}  {MetricsUrl(port)}"); }
        output.WriteLine($"logs and pid files: {directory.Root}/logs, {directory.Root}/pids");
        output.WriteLine();
        output.Flush();
    }

    private string NbdAddress => $"127.0.0.1:{settings.NbdPort}";
    private string NbdUri => $"nbd://{NbdAddress}/{image}";
    private string SocketUri => $"nbd+unix:///{image}?socket={directory.NbdSocket}";

    private static string MetricsUrl(int port) => $"http://127.0.0.1:{port}/metrics";
}

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;
using Fastblock.Roles.Metrics;
using Fastblock.Tests.E2e;
using Xunit;

namespace Fastblock.Tests.Unit.Metrics;

public sealed class MetricsServerTests
{
    [Fact]
    public async Task Metrics_are_served_as_Prometheus_writes_them()
    {
        string text = await ServeAsync();
        Assert.Contains("fastblock_test_operations_total{kind=\"a \\\"quoted\\\" \\\\ name\"} 7\n", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE fastblock_test_latency_seconds histogram\n", text, StringComparison.Ordinal);
        Assert.Contains("fastblock_test_latency_seconds_bucket{shard=\"0\",le=\"+Inf\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("dotnet_gc_collections_total", text, StringComparison.Ordinal);
    }

    [Needs("promtool")]
    public async Task Promtool_accepts_what_is_served()
    {
        (int code, string output) = Promtool(await ServeAsync());
        Assert.True(code == 0, output);
    }

    [Fact]
    public async Task Health_says_unavailable_with_the_reason()
    {
        using MetricsRegistry registry = new();
        using MetricsServer server = MetricsServer.Start(new IPEndPoint(IPAddress.Loopback, 0), registry, () => (false, "disk is gone"));
        using HttpClient client = new();
        using HttpResponseMessage reply = await client.GetAsync(new Uri($"http://{server.EndPoint}/health"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, reply.StatusCode);
        Assert.Equal("disk is gone\n", await reply.Content.ReadAsStringAsync());
        using HttpResponseMessage missing = await client.GetAsync(new Uri($"http://{server.EndPoint}/nowhere"));
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Theory]
    [InlineData("\r\n\r\n")]
    [InlineData("GET\r\n\r\n")]
    [InlineData("GET /metrics FTP/7\r\n\r\n")]
    [InlineData("\0\u00ff\u0080 x HTTP/1.1\r\n\r\n")]
    [InlineData("DELETE /metrics HTTP/1.1\r\n\r\n")]
    public void Bad_requests_get_an_error_and_the_next_one_is_served(string request)
    {
        using MetricsRegistry registry = new();
        using MetricsServer server = MetricsServer.Start(new IPEndPoint(IPAddress.Loopback, 0), registry, () => (true, "ok"));
        Assert.StartsWith("HTTP/1.1 40", Ask(server, request), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", Ask(server, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_without_end_is_refused_at_its_size_limit()
    {
        using MetricsRegistry registry = new();
        using MetricsServer server = MetricsServer.Start(new IPEndPoint(IPAddress.Loopback, 0), registry, () => (true, "ok"));
        string reply = Ask(server, "GET / HTTP/1.1\r\n" + new string('x', 8192 - 16));
        Assert.StartsWith("HTTP/1.1 400", reply, StringComparison.Ordinal);
    }

    private static async Task<string> ServeAsync()
    {
        using MetricsRegistry registry = CreateRegistry();
        using MetricsServer server = MetricsServer.Start(new IPEndPoint(IPAddress.Loopback, 0), registry, () => (true, "ok"));
        using HttpClient client = new();
        return await client.GetStringAsync(new Uri($"http://{server.EndPoint}/metrics"));
    }

    private static MetricsRegistry CreateRegistry()
    {
        MetricsRegistry registry = new();
        registry.AddCounter("fastblock_test_operations", "Operations, \\ and\nmore.", () => 7, KeyValuePair.Create("kind", (object?)"a \"quoted\" \\ name"));
        registry.AddCounter("fastblock_test_operations", "Operations.", () => 8, KeyValuePair.Create("kind", (object?)"b"));
        registry.AddGauge("fastblock_test_size_bytes", "A size.", () => 1.5e12);
        LatencyHistogram histogram = new();
        histogram.Record(120_000);
        histogram.Record(99_000_000_000);
        registry.AddHistogram("fastblock_test_latency", "Durations.", histogram, KeyValuePair.Create("shard", (object?)0));
        return registry;
    }

    private static string Ask(MetricsServer server, string request)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.ReceiveTimeout = 10_000;
        socket.Connect(server.EndPoint);
        socket.Send(Encoding.Latin1.GetBytes(request));
        byte[] buffer = new byte[4096];
        int length = 0, got;
        while (length < buffer.Length && (got = socket.Receive(buffer.AsSpan(length))) > 0) { length += got; }
        return Encoding.Latin1.GetString(buffer, 0, length);
    }

    private static (int Code, string Output) Promtool(string text)
    {
        using Process process = Process.Start(new ProcessStartInfo("promtool", "check metrics")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.StandardInput.Write(text);
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}

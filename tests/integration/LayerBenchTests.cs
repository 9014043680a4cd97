using System;
using System.IO;
using System.Text;
using System.Text.Json;
using Fastblock.Native.Base;
using Fastblock.Roles.Bench;
using Fastblock.Roles.Bench.Layers;
using Fastblock.Roles.Config;
using Xunit;

namespace Fastblock.Tests.Integration;

/// <summary>The benches of single layers: each runs for a moment on the real kernel and says something sensible.</summary>
[Collection("kernel")]
public sealed class LayerBenchTests
{
    private const long Moment = 100 * Units.NanosPerMilli;

    private static LayerOptions Options(int depth) => new() { QueueDepth = depth, DurationNanos = Moment };

    [Theory]
    [InlineData(1)]
    [InlineData(32)]
    public void Ring_measures_requests_that_do_nothing(int depth) => Check(RingBench.Run(Options(depth)), "ring nop", depth);

    [Theory]
    [InlineData("randwrite")]
    [InlineData("randread")]
    [InlineData("write")]
    [InlineData("read")]
    public void Device_measures_memory(string mode) =>
        Check(DeviceBench.Run(Options(4) with { Device = "mem:16M", Mode = ModeOf(mode) }), "device " + mode, 4);

    [Fact]
    public void Device_makes_a_file_and_removes_it()
    {
        using TempDirectory directory = new();
        string path = directory.File("bench");
        Check(DeviceBench.Run(Options(4) with { Device = path, FileBytes = 4 * Units.MiB }), "device randwrite", 4);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void Device_does_not_overwrite_what_exists()
    {
        using TempDirectory directory = new();
        string path = directory.File("precious");
        byte[] precious = new byte[Units.MiB];
        precious.AsSpan().Fill(0x5A);
        File.WriteAllBytes(path, precious);
        LayerOptions options = Options(1) with { Device = path };
        OperatorException refused = Assert.Throws<OperatorException>(() => DeviceBench.Run(options));
        Assert.Equal(ExitCode.Exists, refused.Code);
        Assert.Equal(ExitCode.Exists, Assert.Throws<OperatorException>(() => StoreBench.Run(options)).Code);
        Check(DeviceBench.Run(options with { Mode = RwMode.RandRead }), "device randread", 1);
        Assert.Equal(precious, File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData(64, 1)]
    [InlineData(4096, 8)]
    public void Rpc_measures_round_trips(int bytes, int depth) => Check(RpcBench.Run(Options(depth) with { BlockBytes = bytes }), "rpc", depth);

    [Theory]
    [InlineData("randwrite")]
    [InlineData("randread")]
    public void Store_measures_log_and_objects(string mode) =>
        Check(StoreBench.Run(Options(8) with { Device = "mem:128M", Mode = ModeOf(mode) }), "store " + mode, 8);

    [Fact]
    public void Raft_measures_replication_between_three_hosts() => Check(RaftBench.Run(Options(8)), "raft", 8);

    private static RwMode ModeOf(string text)
    {
        Assert.True(ConfigKey.TryChoice(text, out RwMode mode));
        return mode;
    }

    /// <summary>The keys that scripts read are there and fit together.</summary>
    private static void Check(BenchResult result, string name, int depth)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream)) { result.WriteJson(writer); }
        using JsonDocument json = JsonDocument.Parse(Encoding.UTF8.GetString(stream.ToArray()));
        JsonElement root = json.RootElement;
        Assert.StartsWith(name, root.GetProperty("name").GetString());
        Assert.EndsWith($"QD{depth}", root.GetProperty("name").GetString());
        Assert.True(root.GetProperty("iops").GetDouble() > 0);
        Assert.True(root.GetProperty("mb_s").GetDouble() >= 0);
        Assert.True(root.GetProperty("operations").GetInt64() >= depth);
        Assert.True(root.GetProperty("cpu_us_per_op").GetDouble() >= 0);
        JsonElement latency = root.GetProperty("lat_us");
        double p50 = latency.GetProperty("p50").GetDouble(), p99 = latency.GetProperty("p99").GetDouble();
        double p999 = latency.GetProperty("p99_9").GetDouble(), max = latency.GetProperty("max").GetDouble();
        Assert.True(p50 <= p99 && p99 <= p999 && p999 <= max);
        Assert.True(latency.GetProperty("mean").GetDouble() <= max);
    }
}

using System.Globalization;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Base;
using Fastblock.Roles.Metrics;

namespace Fastblock.Roles.Bench;

/// <summary>What a benchmark measured.</summary>
internal sealed record BenchResult
{
    public required string Name { get; init; }
    public required long Operations { get; init; }
    public required long Bytes { get; init; }
    public required long Nanos { get; init; }
    public required LatencyHistogram Latency { get; init; }

    /// <summary>CPU time of every process involved.</summary>
    public required long CpuNanos { get; init; }

    /// <summary>Processes that <see cref="CpuNanos"/> is the sum of.</summary>
    public int CpuProcesses { get; init; } = 1;

    /// <summary>Blocks whose content was checked; null = not asked for.</summary>
    public long? VerifiedBlocks { get; init; }

    public double Iops => Nanos == 0 ? 0 : Operations * (double)Units.NanosPerSecond / Nanos;
    public double MegabytesPerSecond => Nanos == 0 ? 0 : Bytes * 1000.0 / Nanos;
    public double CpuMicrosPerOperation => Operations == 0 ? 0 : CpuNanos / 1000.0 / Operations;

    public void WriteText(TextWriter output)
    {
        CultureInfo plain = CultureInfo.InvariantCulture;
        output.WriteLine(string.Create(plain, $"{Name}: {Iops:0} IOPS, {MegabytesPerSecond:0.0} MB/s ({Operations} operations in {Nanos / 1e9:0.00} s)"));
        output.WriteLine(string.Create(plain, $"  latency us: mean {Latency.MeanNanos / 1e3:0.0}, p50 {Micros(0.5):0.0}, p99 {Micros(0.99):0.0}, "
            + $"p99.9 {Micros(0.999):0.0}, max {Latency.MaxNanos / 1e3:0.0}"));
        output.WriteLine(string.Create(plain, $"  CPU: {CpuMicrosPerOperation:0.0} us per operation, {CpuProcesses} processes"));
        if (VerifiedBlocks is long blocks) { output.WriteLine(string.Create(plain, $"  verified: {blocks} blocks, all as written")); }
    }

    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name", Name);
        json.WriteNumber("iops", Rounded(Iops));
        json.WriteNumber("mb_s", Rounded(MegabytesPerSecond));
        json.WriteStartObject("lat_us");
        json.WriteNumber("mean", Rounded(Latency.MeanNanos / 1e3));
        json.WriteNumber("p50", Rounded(Micros(0.5)));
        json.WriteNumber("p99", Rounded(Micros(0.99)));
        json.WriteNumber("p99_9", Rounded(Micros(0.999)));
        json.WriteNumber("max", Rounded(Latency.MaxNanos / 1e3));
        json.WriteEndObject();
        json.WriteNumber("cpu_us_per_op", Rounded(CpuMicrosPerOperation));
        json.WriteNumber("cpu_processes", CpuProcesses);
        json.WriteNumber("operations", Operations);
        json.WriteNumber("bytes", Bytes);
        json.WriteNumber("seconds", Rounded(Nanos / 1e9));
        if (VerifiedBlocks is long blocks) { json.WriteNumber("verified_blocks", blocks); }
        json.WriteEndObject();
    }

    private double Micros(double fraction) => Latency.Percentile(fraction) / 1e3;

    private static double Rounded(double value) => System.Math.Round(value, 3);
}

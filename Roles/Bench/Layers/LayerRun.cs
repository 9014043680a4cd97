using System;
using System.Globalization;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Config;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>Measures a closed loop: a short run to warm caches, tables and page mappings up, then the one that counts.</summary>
internal static class LayerRun
{
    private const long WarmUpNanosMax = 300 * Units.NanosPerMilli;

    /// <param name="what">The layer and what it does, for the result's name.</param>
    /// <param name="bytes">Of one operation, for the bandwidth; 0 = it moves none.</param>
    public static async ReactorTask<BenchResult> MeasureAsync(string what, ClosedLoop loop, int bytes, LayerOptions options)
    {
        Check(what, await loop.RunAsync(Math.Min(WarmUpNanosMax, options.DurationNanos / 4)));
        TimeSpan before = Environment.CpuUsage.TotalTime;
        Check(what, await loop.RunAsync(options.DurationNanos));
        TimeSpan used = Environment.CpuUsage.TotalTime - before;
        return new BenchResult
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"{what} QD{loop.Depth}"),
            Operations = loop.Latency.Count,
            Bytes = loop.Latency.Count * bytes,
            Nanos = loop.Nanos,
            Latency = loop.Latency,
            CpuNanos = used.Ticks * (Units.NanosPerSecond / TimeSpan.TicksPerSecond),
        };
    }

    private static void Check(string what, Errno status)
    {
        if (status is not Errno.None) { throw OperatorException.FromErrno(status, $"bench {what}"); }
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Roles.Metrics;
using Xunit;

namespace Fastblock.Tests.Unit.Metrics;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Percentiles_are_within_two_percent_of_the_sorted_values()
    {
        Prng prng = new(5);
        LatencyHistogram histogram = new();
        long[] values = new long[20_000];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (long)prng.Below(1UL << prng.Below(36));
            histogram.Record(values[i]);
        }
        Array.Sort(values);
        foreach (double fraction in (double[])[0.1, 0.5, 0.9, 0.99, 0.999, 1])
        {
            long exact = values[Math.Max(0, (int)Math.Ceiling(values.Length * fraction) - 1)];
            long got = histogram.Percentile(fraction);
            Assert.InRange(got, exact, exact + (exact / 50) + 1);
        }
        Assert.Equal(values[^1], histogram.MaxNanos);
        Assert.Equal(values.Length, histogram.Count);
    }

    [Fact]
    public void Absurd_durations_are_counted_and_not_lost()
    {
        LatencyHistogram histogram = new();
        histogram.Record(-5);
        histogram.Record(long.MaxValue / 2);
        Assert.Equal(2, histogram.Count);
        Assert.Equal(0, histogram.Percentile(0));
        Assert.Equal(1, histogram.CountAtMost(0));
    }

    [Fact]
    public void Recording_allocates_nothing()
    {
        LatencyHistogram histogram = new();
        histogram.Record(1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100_000; i++) { histogram.Record(i * 37L); }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_sum_over_workers_has_all_of_them()
    {
        LatencyHistogram a = new(), b = new();
        a.Record(100);
        b.Record(5_000_000);
        a.Add(b);
        Assert.Equal(2, a.Count);
        Assert.Equal(5_000_000, a.MaxNanos);
        Assert.Equal(5_000_100, a.SumNanos);
    }
}

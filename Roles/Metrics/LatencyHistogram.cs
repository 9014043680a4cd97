using System;
using System.Numerics;
using System.Threading;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Metrics;

/// <summary>Counts of durations in buckets that are at most 1/64 wide (as HdrHistogram has them): 1 ns to 2^40 ns (18
/// minutes), longer ones count as the longest. One writer, which allocates nothing and costs a few ns; any thread may read
/// at any time and then sees counts that are at most a moment old.</summary>
internal sealed class LatencyHistogram
{
    private const int SubBits = 6;
    private const int SubBuckets = 1 << SubBits;
    private const int MaxBits = 40;
    private const int BucketCount = (MaxBits - SubBits + 1) * SubBuckets;

    private readonly long[] _counts = new long[BucketCount];
    private long _count;
    private long _sumNanos;
    private long _maxNanos;

    /// <summary>Durations recorded.</summary>
    public long Count => Volatile.Read(ref _count);

    public long SumNanos => Volatile.Read(ref _sumNanos);

    public long MaxNanos => Volatile.Read(ref _maxNanos);

    public double MeanNanos => Count == 0 ? 0 : (double)SumNanos / Count;

    /// <summary>Counts one duration; negative ones count as 0.</summary>
    public void Record(long nanos)
    {
        nanos = Math.Max(0, nanos);
        _counts[BucketOf(nanos)]++;
        _count++;
        _sumNanos += nanos;
        if (nanos > _maxNanos) { _maxNanos = nanos; }
    }

    /// <summary>Adds all of another histogram, for totals over shards or workers.</summary>
    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < BucketCount; i++) { _counts[i] += Volatile.Read(ref other._counts[i]); }
        _count += other.Count;
        _sumNanos += other.SumNanos;
        _maxNanos = Math.Max(_maxNanos, other.MaxNanos);
    }

    public void Clear()
    {
        Array.Clear(_counts);
        (_count, _sumNanos, _maxNanos) = (0, 0, 0);
    }

    /// <summary>The duration that <paramref name="fraction"/> (0 to 1) of all stayed at or below, to a bucket's width; 0 when
    /// nothing was recorded.</summary>
    public long Percentile(double fraction)
    {
        Invariant.Require(fraction is >= 0 and <= 1);
        long total = 0;
        foreach (long count in _counts) { total += count; }
        long wanted = Math.Max(1, (long)Math.Ceiling(total * fraction)), seen = 0;
        for (int i = 0; i < BucketCount; i++)
        {
            seen += _counts[i];
            if (seen >= wanted) { return Math.Min(LastOf(i), MaxNanos); }
        }
        return MaxNanos;
    }

    /// <summary>How many durations were at or below <paramref name="nanos"/>, to a bucket's width.</summary>
    public long CountAtMost(long nanos)
    {
        long sum = 0;
        for (int i = 0; i < BucketCount && LastOf(i) <= nanos; i++) { sum += Volatile.Read(ref _counts[i]); }
        return sum;
    }

    /// <summary>Values below 64 have a bucket each; above, every power of two is cut into 64.</summary>
    private static int BucketOf(long nanos)
    {
        if (nanos < SubBuckets) { return (int)nanos; }
        int bits = BitOperations.Log2((ulong)nanos);
        if (bits >= MaxBits) { return BucketCount - 1; }
        int shift = bits - SubBits;
        return ((shift + 1) << SubBits) + (int)((nanos >> shift) & (SubBuckets - 1));
    }

    /// <summary>Longest duration that falls into a bucket.</summary>
    private static long LastOf(int bucket)
    {
        if (bucket < SubBuckets) { return bucket; }
        int shift = (bucket >> SubBits) - 1;
        long first = (long)(SubBuckets + (bucket & (SubBuckets - 1))) << shift;
        return first + (1L << shift) - 1;
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Mon;

/// <summary>How fast replicas are being filled, from what their OSDs report to the leading monitor. Not replicated.</summary>
internal sealed class RecoveryMeter
{
    /// <summary>Time over which the rate is smoothed: reports come every half second, objects in pieces of megabytes.</summary>
    private const long SmoothNanos = 10 * Units.NanosPerSecond;

    private readonly SortedDictionary<(ulong Pg, uint Osd), long> _used = [];
    private readonly SortedDictionary<(ulong Pg, uint Osd), long> _seen = [];
    private long _lastNanos;

    public long BytesPerSecond { get; private set; }

    public void Reset(long nowNanos)
    {
        _used.Clear();
        BytesPerSecond = 0;
        _lastNanos = nowNanos;
    }

    /// <summary>A replica that is being filled has so much.</summary>
    public void See(ulong pg, uint osd, long usedBytes) => _seen[(pg, osd)] = usedBytes;

    /// <summary>All replicas that are being filled have been seen.</summary>
    public void EndRound(long nowNanos)
    {
        long elapsed = nowNanos - _lastNanos;
        if (elapsed <= 0) { return; }
        long grown = 0;
        foreach (((ulong, uint) replica, long used) in _seen)
        {
            if (_used.TryGetValue(replica, out long before)) { grown += Math.Max(0, used - before); }
        }
        _used.Clear();
        foreach (((ulong, uint) replica, long used) in _seen) { _used.Add(replica, used); }
        _seen.Clear();
        double weight = Math.Min(1.0, (double)elapsed / SmoothNanos);
        double rate = grown * (double)Units.NanosPerSecond / elapsed;
        BytesPerSecond = _used.Count == 0 ? 0 : (long)((BytesPerSecond * (1 - weight)) + (rate * weight));
        _lastNanos = nowNanos;
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>Which sizes an image may have had when. From the moment a change is asked for, both sizes may be in force; from the moment
/// it is known to be done everywhere, the old one is not any more. An I/O that ends beyond the image must be refused, one
/// that ends within it must not, in every size that may have been in force while it was under way.</summary>
internal sealed class SizeHistory(long bytes)
{
    /// <summary>For so long, at most, a client and a leader hear of no change of the map: both may go by a size that was in force
    /// then. What they refuse was outside then; what is beyond a cut they refuse in any case, since the cut is in the log.</summary>
    private const long DeafNanos = 10 * Units.NanosPerSecond;

    private readonly List<(long Bytes, long FromNanos, long ToNanos)> _sizes = [(bytes, 0, long.MaxValue)];

    /// <summary>The size asked for last.</summary>
    public long Bytes => _sizes[^1].Bytes;

    /// <summary>A change is asked for.</summary>
    public void Begin(long nowNanos, long bytes) => _sizes.Add((bytes, nowNanos, long.MaxValue));

    /// <summary>The newest size is in force everywhere.</summary>
    public void End(long nowNanos)
    {
        for (int i = 0; i < _sizes.Count - 1; i++)
        {
            if (_sizes[i].ToNanos == long.MaxValue) { _sizes[i] = _sizes[i] with { ToNanos = nowNanos }; }
        }
    }

    /// <summary>May an I/O that was under way since then and ends there have been carried out?</summary>
    public bool MayReach(long endBytes, long sinceNanos) => Exists(sinceNanos, size => endBytes <= size);

    /// <summary>May it have been refused as lying outside?</summary>
    public bool MayRefuse(long endBytes, long sinceNanos) => Exists(sinceNanos - DeafNanos, size => endBytes > size);

    private bool Exists(long sinceNanos, Func<long, bool> holds)
    {
        foreach ((long size, _, long to) in _sizes)
        {
            if (to >= sinceNanos && holds(size)) { return true; }
        }
        return false;
    }
}

using System;
using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>When an adaptive reactor looks for work again and when it goes to sleep. It spins as long as pauses are short; where
/// only timers and heartbeats come it sleeps nearly at once, so that an idle server costs next to nothing; and it stops spinning
/// for a while where somebody else needs the core. Why so, with figures: docs/decisions/spinning.md.</summary>
internal sealed class SpinPolicy
{
    /// <summary>The last pause may be so many times the spin time for spinning to be worth a try again: waking up makes pauses
    /// longer than they would be without it.</summary>
    private const int TryAgainBelow = 2;

    /// <summary>Part of the spin time that is spent when work comes seldom.</summary>
    private const int SeldomPart = 32;

    /// <summary>Giving way took so long that somebody with a lot to compute had the core. Spinning would hand it a time slice again
    /// and again; who sleeps is put before it when there is work.</summary>
    private const long StolenNanos = Units.NanosPerMilli;

    /// <summary>The part of all time that may be lost so: a hypervisor takes the core away now and then, from sleepers too.</summary>
    private const int TolerablePart = 12;

    /// <summary>So much more than that is too much.</summary>
    private const long TooMuchNanos = 16 * Units.NanosPerMilli;

    /// <summary>How long not to spin then.</summary>
    private const long NoSpinNanos = 1000 * Units.NanosPerMilli;

    private long _lastWork;
    private long _lastPause = long.MaxValue;
    private bool _isPausing;
    private long _stolen;
    private long _stolenAt;
    private long _noSpinBefore;

    /// <param name="nowNanos">Now, in the clock of all the other calls.</param>
    public SpinPolicy(long nowNanos) => (_lastWork, _stolenAt, _noSpinBefore) = (nowNanos, nowNanos, nowNanos);

    /// <summary>An iteration that began at <paramref name="nowNanos"/> had work.</summary>
    public void OnWork(long nowNanos)
    {
        if (_isPausing) { _lastPause = nowNanos - _lastWork; }
        _isPausing = false;
        _lastWork = nowNanos;
    }

    /// <summary>An iteration had nothing to do.</summary>
    /// <param name="spinNanos">How long to spin at most after the last work.</param>
    /// <returns>True: look again; false: sleep.</returns>
    public bool OnNothing(long nowNanos, long spinNanos)
    {
        _isPausing = true;
        long spin = _lastPause < TryAgainBelow * spinNanos ? spinNanos : spinNanos / SeldomPart;
        return nowNanos - _lastWork < spin && nowNanos >= _noSpinBefore;
    }

    /// <summary>The core was given to others between two looks.</summary>
    public void OnGaveWay(long fromNanos, long toNanos)
    {
        long away = toNanos - fromNanos;
        if (away < StolenNanos) { return; }
        _stolen = Math.Max(0, _stolen - ((toNanos - _stolenAt) / TolerablePart)) + away;
        _stolenAt = toNanos;
        if (_stolen < TooMuchNanos) { return; }
        _noSpinBefore = toNanos + NoSpinNanos;
        _stolen = 0;
    }
}

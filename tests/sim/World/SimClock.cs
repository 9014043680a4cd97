using System;
using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.World;

/// <summary>The clock of one host: its own start, its own speed, and a wall clock that an operator may set. As CLOCK_BOOTTIME
/// it never goes back and never jumps; what a lease may rely on is only that two clocks differ in speed by a known bound.</summary>
internal sealed class SimClock(SimWorld world, long startNanos, long driftPpm) : IClock
{
    private const long Million = 1_000_000;
    private long _wallOffsetMillis = 1_700_000_000_000;

    /// <summary>How much faster (or slower, negative) than the world, in parts per million.</summary>
    public long DriftPpm => driftPpm;

    public long NowNanos => ToLocal(world.SampleTime());

    public long WallMillis => _wallOffsetMillis + (world.Now / Units.NanosPerMilli);

    /// <summary>Somebody sets the wall clock.</summary>
    public void JumpWall(long millis) => _wallOffsetMillis += millis;

    /// <summary>This clock's reading at a world time.</summary>
    public long ToLocal(long worldNanos) => startNanos + worldNanos + (worldNanos / Million * driftPpm)
        + (worldNanos % Million * driftPpm / Million);

    /// <summary>The first world time at which this clock shows at least <paramref name="localNanos"/>.</summary>
    public long ToWorld(long localNanos)
    {
        if (localNanos == long.MaxValue) { return long.MaxValue; }
        long passed = Math.Max(0, localNanos - startNanos);
        long guess = (long)(passed * ((double)Million / (Million + driftPpm))); // a few nanoseconds off at most
        while (guess > 0 && ToLocal(guess - 1) >= localNanos) { guess--; }
        while (ToLocal(guess) < localNanos) { guess++; }
        return guess;
    }
}

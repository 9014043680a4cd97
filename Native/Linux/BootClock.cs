using System;
using Fastblock.Native.Base;

namespace Fastblock.Native.Linux;

/// <summary>The production clock: CLOCK_BOOTTIME, which unlike CLOCK_MONOTONIC goes on while the machine is suspended, so
/// that a lease taken before a suspension has run out after it.</summary>
internal sealed class BootClock : IClock
{
    /// <summary>It has no state: one for everybody.</summary>
    public static BootClock Instance { get; } = new();

    public long NowNanos
    {
        get
        {
            _ = Libc.clock_gettime(Libc.CLOCK_BOOTTIME, out Timespec time);
            return time.Seconds * Units.NanosPerSecond + time.Nanos;
        }
    }

    public long WallMillis => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
}

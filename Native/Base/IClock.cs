namespace Fastblock.Native.Base;

/// <summary>Seam 1: time. CLOCK_BOOTTIME in production, virtual time in the simulator.</summary>
internal interface IClock
{
    /// <summary>Nanoseconds since an arbitrary start; never goes back; goes on while the machine is suspended.</summary>
    long NowNanos { get; }

    /// <summary>Wall-clock milliseconds since 1970, for humans (logs, listings) only: never for a decision.</summary>
    long WallMillis { get; }
}

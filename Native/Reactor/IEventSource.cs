namespace Fastblock.Native.Reactor;

/// <summary>Where a reactor's events from outside come from: an io_uring in production, nothing in the simulator. All
/// calls but <see cref="Wake"/> come from the reactor's thread.</summary>
internal interface IEventSource
{
    /// <summary>Delivers the completions that are there, without blocking.</summary>
    /// <returns>True when there was one.</returns>
    bool Poll();

    /// <summary>Hands everything queued in this iteration to the kernel, in one call.</summary>
    void Submit();

    /// <summary>Blocks until there is a completion, <see cref="Wake"/> was called, or the clock reaches
    /// <paramref name="untilNanos"/> (long.MaxValue = no limit). May return early. Submits first.</summary>
    void Wait(long untilNanos);

    /// <summary>Ends the present or else the next Wait; from any thread.</summary>
    void Wake();
}

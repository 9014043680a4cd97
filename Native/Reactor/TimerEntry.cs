namespace Fastblock.Native.Reactor;

/// <summary>A timer that lives inside its owner: arming allocates nothing. One-shot; may be armed again from
/// <see cref="OnTimer"/>.</summary>
internal abstract class TimerEntry
{
    /// <summary>When it fires, in the reactor's clock; meaningful while armed.</summary>
    public long DueNanos { get; internal set; }

    public bool IsArmed => HeapIndex >= 0;

    /// <summary>Place in the reactor's heap, or -1.</summary>
    internal int HeapIndex { get; set; } = -1;

    /// <summary>Orders timers of the same instant by when they were armed, so that runs can be repeated exactly.</summary>
    internal ulong Sequence { get; set; }

    /// <param name="nowNanos">The iteration's time, at or after <see cref="DueNanos"/>.</param>
    public abstract void OnTimer(long nowNanos);
}

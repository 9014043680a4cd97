namespace Fastblock.Native.Reactor;

/// <summary>One request to the kernel that can be in flight. Owners derive from it and keep instances: starting one allocates
/// nothing. Everything that the kernel was pointed to must stay in place until the completion.</summary>
internal abstract class UringOperation
{
    /// <summary>Place in the event source's table while in flight, else -1.</summary>
    internal int Slot { get; set; } = -1;

    public bool IsInFlight => Slot >= 0;

    /// <summary>The outcome; inside the reactor's loop. The operation may be started again from here.</summary>
    /// <param name="result">As the system call returns; -errno for failure.</param>
    protected internal abstract void OnCompletion(int result);
}

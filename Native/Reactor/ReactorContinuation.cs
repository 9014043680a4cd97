namespace Fastblock.Native.Reactor;

/// <summary>A suspended async method. It is itself something to wait for: its own end.</summary>
internal abstract class ReactorContinuation : ReactorAwaitable
{
    /// <summary>Runs it to its next wait or its end.</summary>
    internal abstract void Resume();
}

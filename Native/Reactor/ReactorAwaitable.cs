using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>What a reactor task can wait for: completes once, resumes its one waiter inline, on the reactor's thread, from
/// within the call that completes it.</summary>
internal abstract class ReactorAwaitable
{
    private ReactorContinuation? _waiter;

    /// <summary>Called by a task's builder when the result is not there yet.</summary>
    internal void Await(ReactorContinuation waiter)
    {
        Invariant.Require(_waiter is null); // one waiter only
        _waiter = waiter;
    }

    /// <summary>True while a task waits.</summary>
    internal bool HasWaiter => _waiter is not null;

    /// <summary>Resumes the waiter, if there is one. The result must be in place before.</summary>
    protected void ResumeWaiter()
    {
        ReactorContinuation? waiter = _waiter;
        _waiter = null;
        waiter?.Resume();
    }
}

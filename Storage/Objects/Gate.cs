using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Objects;

/// <summary>Waiting for a number to be reached: a log sequence to be durable, a read stamp to be passed. Signals are pooled.</summary>
internal abstract class Gate
{
    private readonly record struct Waiter(ulong Target, ReactorSignal<Errno> Signal);

    private readonly List<Waiter> _waiters = [];
    private readonly Stack<ReactorSignal<Errno>> _pool = new();

    /// <summary>Tasks that wait.</summary>
    public int Waiting => _waiters.Count;

    protected abstract bool IsReached(ulong target);

    /// <summary>Not None: nothing will be reached any more.</summary>
    protected virtual Errno Failure => Errno.None;

    /// <returns>None when the target is reached, or why it never will be.</returns>
    public async ReactorTask<Errno> WaitAsync(ulong target)
    {
        if (Failure is not Errno.None) { return Failure; }
        if (IsReached(target)) { return Errno.None; }
        if (!_pool.TryPop(out ReactorSignal<Errno>? signal)) { signal = new ReactorSignal<Errno>(); }
        _waiters.Add(new Waiter(target, signal));
        Errno status = await signal;
        signal.Reset();
        _pool.Push(signal);
        return status;
    }

    /// <summary>Resumes whoever's target has been reached, the first comers first; they run inline and may wait again.</summary>
    protected void Wake()
    {
        for (int i = 0; i < _waiters.Count;)
        {
            Waiter waiter = _waiters[i];
            if (Failure is Errno.None && !IsReached(waiter.Target))
            {
                i++;
                continue;
            }
            _waiters.RemoveAt(i);
            waiter.Signal.Set(Failure);
            i = 0; // the task may have added waiters or ended others' waits
        }
    }
}

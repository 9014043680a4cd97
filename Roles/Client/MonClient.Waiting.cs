using System;
using Fastblock.Native.Reactor;

namespace Fastblock.Roles.Client;

/// <summary>Tasks that wait for the connection or the map to get somewhere.</summary>
internal sealed partial class MonClient
{
    /// <summary>Waits until <paramref name="reached"/> holds.</summary>
    /// <returns>Whether it does; false after the deadline or a stop.</returns>
    private async ReactorTask<bool> WaitAsync(Func<MonClient, bool> reached, long deadlineNanos)
    {
        if (reached(this)) { return true; }
        if (!_started || _reactor.NowNanos >= deadlineNanos) { return false; }
        Waiter waiter = new(this, reached);
        _waiters.Add(waiter);
        _reactor.Arm(waiter, deadlineNanos);
        return await waiter.Signal;
    }

    /// <summary>Resumes those whose condition holds now, or all of them after a stop.</summary>
    private void WakeWaiters()
    {
        // A resumed task may add waiters or make the condition of another one true or false: look again from the start.
        for (int i = 0; i < _waiters.Count; i++)
        {
            Waiter waiter = _waiters[i];
            bool reached = waiter.Reached(this);
            if (!reached && _started) { continue; }
            End(waiter, reached);
            i = -1;
        }
    }

    private void End(Waiter waiter, bool reached)
    {
        _ = _waiters.Remove(waiter);
        _reactor.Disarm(waiter);
        waiter.Signal.Set(reached);
    }

    private sealed class Waiter(MonClient client, Func<MonClient, bool> reached) : TimerEntry
    {
        public Func<MonClient, bool> Reached { get; } = reached;
        public ReactorSignal<bool> Signal { get; } = new();

        public override void OnTimer(long nowNanos) => client.End(this, Reached(client));
    }
}

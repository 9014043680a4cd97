using System.Collections.Generic;
using Fastblock.Native.Reactor;

namespace Fastblock.Tests.Sim.World;

/// <summary>The reactor's door to the simulated machine: completions wait here until the loop polls. It never blocks: the
/// world runs the loop when there is something to do.</summary>
internal sealed class SimEventSource(SimSeat seat) : IEventSource
{
    private readonly Queue<ISimCompletion> _inbox = new();

    public bool IsEmpty => _inbox.Count == 0;

    public void Add(ISimCompletion completion)
    {
        _inbox.Enqueue(completion);
        seat.Wake();
    }

    /// <summary>News from outside: the loop runs at once if it can, without an event of its own for that.</summary>
    public void Arrive(ISimCompletion completion)
    {
        _inbox.Enqueue(completion);
        seat.RunOrWake();
    }

    public bool Poll()
    {
        // What arrives meanwhile belongs to the next iteration, as with a real ring.
        int count = _inbox.Count;
        for (int i = 0; i < count; i++) { _inbox.Dequeue().Deliver(); }
        return count > 0;
    }

    public void Submit() { }

    public void Wait(long untilNanos) { }

    public void Wake() => seat.Wake();

    public void Clear() => _inbox.Clear();
}

using System;

namespace Fastblock.Tests.Sim.World;

/// <summary>Binary heap of events by (time, sequence): the order is total, so a run depends on its seed only.</summary>
internal sealed class EventQueue
{
    private SimEvent[] _heap = new SimEvent[1024];
    private ulong _nextSequence;

    public int Count { get; private set; }

    /// <summary>Time of the next event; long.MaxValue when there is none.</summary>
    public long NextAt => Count == 0 ? long.MaxValue : _heap[0].At;

    public void Add(SimEvent added)
    {
        added.Sequence = _nextSequence++;
        if (Count == _heap.Length) { Array.Resize(ref _heap, Count * 2); }
        int hole = Count++;
        while (hole > 0)
        {
            int parent = (hole - 1) / 2;
            if (!Before(added, _heap[parent])) { break; }
            _heap[hole] = _heap[parent];
            hole = parent;
        }
        _heap[hole] = added;
    }

    public SimEvent Take()
    {
        SimEvent first = _heap[0];
        SimEvent last = _heap[--Count];
        _heap[Count] = null!;
        if (Count == 0) { return first; }
        int hole = 0;
        while (true)
        {
            int child = (hole * 2) + 1;
            if (child >= Count) { break; }
            if (child + 1 < Count && Before(_heap[child + 1], _heap[child])) { child++; }
            if (!Before(_heap[child], last)) { break; }
            _heap[hole] = _heap[child];
            hole = child;
        }
        _heap[hole] = last;
        return first;
    }

    private static bool Before(SimEvent a, SimEvent b) => a.At != b.At ? a.At < b.At : a.Sequence < b.Sequence;
}

using System;

namespace Fastblock.Tests.Sim.World;

/// <summary>Heap of events by (time, sequence), four children to a parent: the order is total, so a run depends on its seed only.</summary>
internal sealed class EventQueue
{
    private const int Children = 4;

    /// <summary>What decides the order lies in the array, so that a comparison follows no reference.</summary>
    private struct Entry
    {
        public long At;
        public ulong Sequence;
        public SimEvent Event;

        public readonly bool IsBefore(in Entry other) => At < other.At || (At == other.At && Sequence < other.Sequence);
    }

    private Entry[] _heap = new Entry[1024];
    private ulong _nextSequence;

    public int Count { get; private set; }

    /// <summary>Time of the next event; long.MaxValue when there is none.</summary>
    public long NextAt => Count == 0 ? long.MaxValue : _heap[0].At;

    /// <param name="added">Its time must not change while it is here.</param>
    public void Add(SimEvent added)
    {
        if (Count == _heap.Length) { Array.Resize(ref _heap, Count * 2); }
        var entry = new Entry { At = added.At, Sequence = _nextSequence++, Event = added };
        Entry[] heap = _heap;
        int hole = Count++;
        while (hole > 0)
        {
            int parent = (hole - 1) / Children;
            if (!entry.IsBefore(in heap[parent])) { break; }
            heap[hole] = heap[parent];
            hole = parent;
        }
        heap[hole] = entry;
    }

    public SimEvent Take()
    {
        Entry[] heap = _heap;
        SimEvent first = heap[0].Event;
        Entry last = heap[--Count];
        heap[Count] = default;
        if (Count == 0) { return first; }
        int hole = 0;
        while (true)
        {
            int child = (hole * Children) + 1;
            if (child >= Count) { break; }
            int least = child;
            int end = Math.Min(child + Children, Count);
            for (int other = child + 1; other < end; other++)
            {
                if (heap[other].IsBefore(in heap[least])) { least = other; }
            }
            if (!heap[least].IsBefore(in last)) { break; }
            heap[hole] = heap[least];
            hole = least;
        }
        heap[hole] = last;
        return first;
    }
}

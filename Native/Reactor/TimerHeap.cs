using System;
using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>The armed timers of one reactor: a binary heap in an array, ordered by due time, then by arming. Timers are
/// moved many times for each time they fire, and a heap gives the exact next deadline, which a blocking wait needs and a
/// wheel has to search for.</summary>
internal sealed class TimerHeap
{
    private TimerEntry[] _entries = new TimerEntry[64];
    private ulong _sequence;

    public int Count { get; private set; }

    public long NextNanos => Count == 0 ? long.MaxValue : _entries[0].DueNanos;

    /// <summary>Arms, or moves a timer that is armed already.</summary>
    public void Arm(TimerEntry timer, long dueNanos)
    {
        timer.DueNanos = dueNanos;
        timer.Sequence = _sequence++;
        if (timer.IsArmed)
        {
            Invariant.Require(timer.HeapIndex < Count);
            Invariant.Require(ReferenceEquals(_entries[timer.HeapIndex], timer)); // armed on another reactor
            SiftDown(timer, SiftUp(timer, timer.HeapIndex));
            return;
        }
        if (Count == _entries.Length) { Array.Resize(ref _entries, Count * 2); }
        _ = SiftUp(timer, Count++);
    }

    public void Disarm(TimerEntry timer)
    {
        if (!timer.IsArmed) { return; }
        Invariant.Require(timer.HeapIndex < Count);
        Invariant.Require(ReferenceEquals(_entries[timer.HeapIndex], timer));
        int hole = timer.HeapIndex;
        timer.HeapIndex = -1;
        TimerEntry last = _entries[--Count];
        _entries[Count] = null!;
        if (hole != Count) { SiftDown(last, SiftUp(last, hole)); }
    }

    /// <summary>Takes out the earliest timer if it was armed before <paramref name="endSequence"/> and is due.</summary>
    public TimerEntry? TryPopDue(long nowNanos, ulong endSequence)
    {
        if (Count == 0) { return null; }
        TimerEntry first = _entries[0];
        if (first.DueNanos > nowNanos || first.Sequence >= endSequence) { return null; }
        Disarm(first);
        return first;
    }

    /// <summary>Sequence that the next Arm will give: a limit for <see cref="TryPopDue"/>.</summary>
    public ulong NextSequence => _sequence;

    private int SiftUp(TimerEntry timer, int index)
    {
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (!IsBefore(timer, _entries[parent])) { break; }
            Place(_entries[parent], index);
            index = parent;
        }
        Place(timer, index);
        return index;
    }

    private void SiftDown(TimerEntry timer, int index)
    {
        while (true)
        {
            int child = 2 * index + 1;
            if (child >= Count) { break; }
            if (child + 1 < Count && IsBefore(_entries[child + 1], _entries[child])) { child++; }
            if (!IsBefore(_entries[child], timer)) { break; }
            Place(_entries[child], index);
            index = child;
        }
        Place(timer, index);
    }

    private void Place(TimerEntry timer, int index)
    {
        _entries[index] = timer;
        timer.HeapIndex = index;
    }

    private static bool IsBefore(TimerEntry a, TimerEntry b) =>
        a.DueNanos < b.DueNanos || (a.DueNanos == b.DueNanos && a.Sequence < b.Sequence);
}

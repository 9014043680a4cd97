using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Threading;

namespace Fastblock.Native.Base;

/// <summary>A bounded queue from exactly one producer thread to exactly one consumer thread, without locks. Full is an
/// answer, never growth.
/// <para>Ordering: the producer writes the slot, then publishes <c>_tail</c> with release; the consumer reads
/// <c>_tail</c> with acquire, empties the slot, then publishes <c>_head</c> with release, which allows the producer to
/// write that slot again. Each side keeps a copy of the other's counter and looks at the real one only when the copy says
/// full or empty, so that the two cache lines are not passed to and fro for every item.</para></summary>
internal sealed class SpscRing<T>
{
    private readonly T[] _slots;
    private readonly uint _mask;
    private SpscRingSide _head;
    private SpscRingSide _tail;

    /// <param name="capacity">Rounded up to a power of two.</param>
    public SpscRing(int capacity)
    {
        Invariant.Require(capacity > 0 && capacity <= 1 << 30);
        _slots = new T[(int)BitOperations.RoundUpToPowerOf2((uint)capacity)];
        _mask = (uint)_slots.Length - 1;
    }

    public int Capacity => _slots.Length;

    /// <summary>True when nothing is queued; any thread, a snapshot.</summary>
    public bool IsEmpty => Volatile.Read(ref _head.Count) == Volatile.Read(ref _tail.Count);

    /// <summary>Producer's thread only.</summary>
    /// <returns>False = full.</returns>
    public bool TryPush(T item)
    {
        unchecked
        {
            uint tail = _tail.Count;
            if (tail - _tail.OtherSeen > _mask)
            {
                _tail.OtherSeen = Volatile.Read(ref _head.Count);
                if (tail - _tail.OtherSeen > _mask) { return false; }
            }
            _slots[tail & _mask] = item;
            Volatile.Write(ref _tail.Count, tail + 1);
            return true;
        }
    }

    /// <summary>Consumer's thread only.</summary>
    /// <returns>False = empty.</returns>
    public bool TryPop([MaybeNullWhen(false)] out T item)
    {
        unchecked
        {
            uint head = _head.Count;
            if (head == _head.OtherSeen)
            {
                _head.OtherSeen = Volatile.Read(ref _tail.Count);
                if (head == _head.OtherSeen)
                {
                    item = default;
                    return false;
                }
            }
            ref T slot = ref _slots[head & _mask];
            item = slot;
            slot = default!;
            Volatile.Write(ref _head.Count, head + 1);
            return true;
        }
    }
}

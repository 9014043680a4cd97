using System;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Fastblock.Native.Base;

/// <summary>A double-ended queue in one array. Grows by doubling up to its limit, so that in steady state nothing is
/// allocated. One thread only.</summary>
/// <param name="capacity">Room at the start.</param>
/// <param name="limit">Most entries; TryPushBack is false beyond it.</param>
internal sealed class RingQueue<T>(int capacity = 16, int limit = int.MaxValue)
{
    private T[] _items = new T[(int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacity, 2))];
    private int _head;

    public int Count { get; private set; }

    public bool IsEmpty => Count == 0;

    /// <summary>The entry <paramref name="index"/> places behind the front.</summary>
    public ref T this[int index]
    {
        get
        {
            Invariant.Require((uint)index < (uint)Count);
            return ref _items[Slot(index)];
        }
    }

    public bool TryPushBack(T item)
    {
        if (Count >= limit) { return false; }
        if (Count == _items.Length) { Grow(); }
        _items[Slot(Count)] = item;
        Count++;
        return true;
    }

    /// <summary>As TryPushBack where the limit cannot be met.</summary>
    public void PushBack(T item)
    {
        bool pushed = TryPushBack(item);
        Invariant.Require(pushed);
    }

    public void PushFront(T item)
    {
        Invariant.Require(Count < limit);
        if (Count == _items.Length) { Grow(); }
        _head = (_head - 1) & (_items.Length - 1);
        _items[_head] = item;
        Count++;
    }

    public bool TryPopFront([MaybeNullWhen(false)] out T item)
    {
        if (Count == 0)
        {
            item = default;
            return false;
        }
        item = PopFront();
        return true;
    }

    public T PopFront()
    {
        Invariant.Require(Count > 0);
        ref T slot = ref _items[_head];
        T item = slot;
        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>()) { slot = default!; }
        _head = Slot(1);
        Count--;
        return item;
    }

    public T PopBack()
    {
        Invariant.Require(Count > 0);
        Count--;
        ref T slot = ref _items[Slot(Count)];
        T item = slot;
        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>()) { slot = default!; }
        return item;
    }

    public void Clear()
    {
        Array.Clear(_items);
        _head = 0;
        Count = 0;
    }

    private int Slot(int index) => unchecked(_head + index) & (_items.Length - 1);

    private void Grow()
    {
        T[] larger = new T[_items.Length * 2];
        int first = _items.Length - _head;
        Array.Copy(_items, _head, larger, 0, first);
        Array.Copy(_items, 0, larger, first, _head);
        _items = larger;
        _head = 0;
    }
}

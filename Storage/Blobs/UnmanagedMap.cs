using System;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Fastblock.Storage.Blobs;

/// <summary>Open-addressing hash table outside the managed heap, so that a garbage collection never walks it. Linear probing,
/// removal by shifting back (no tombstones, so probes stay short for ever). Nothing depends on its order: it cannot be
/// enumerated. Grows by doubling at 3/4 full; size it at the start where the bound is known.</summary>
internal sealed unsafe class UnmanagedMap<TKey, TValue> : IDisposable
    where TKey : unmanaged, IHashKey<TKey>
    where TValue : unmanaged
{
    [StructLayout(LayoutKind.Sequential)]
    private struct Cell
    {
        public TKey Key;
        public TValue Value;
        public bool Used;
    }

    private Cell* _cells;
    private int _mask;

    /// <param name="expected">Entries it takes before the first growth.</param>
    public UnmanagedMap(int expected = 16)
    {
        int cells = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, (long)expected * 4 / 3 + 1));
        _cells = Allocate(cells);
        _mask = cells - 1;
    }

    public int Count { get; private set; }

    /// <summary>False and default when the key is not there.</summary>
    public bool TryGet(TKey key, out TValue value)
    {
        Cell* cell = Find(key);
        value = cell->Used ? cell->Value : default;
        return cell->Used;
    }

    public bool Contains(TKey key) => Find(key)->Used;

    /// <summary>Adds or overwrites.</summary>
    public void Set(TKey key, TValue value)
    {
        if ((long)(Count + 1) * 4 > ((long)_mask + 1) * 3) { Grow(); }
        Cell* cell = Find(key);
        if (!cell->Used)
        {
            cell->Key = key;
            cell->Used = true;
            Count++;
        }
        cell->Value = value;
    }

    /// <returns>False when the key was not there.</returns>
    public bool Remove(TKey key)
    {
        Cell* cell = Find(key);
        if (!cell->Used) { return false; }
        int hole = (int)(cell - _cells);
        int next = hole;
        while (true)
        {
            next = (next + 1) & _mask;
            Cell* candidate = _cells + next;
            if (!candidate->Used) { break; }
            // May it move back into the hole? Only if its own place is not cyclically after the hole.
            int home = HomeOf(candidate->Key);
            if (((next - home) & _mask) < ((next - hole) & _mask)) { continue; }
            _cells[hole] = *candidate;
            hole = next;
        }
        _cells[hole] = default;
        Count--;
        return true;
    }

    public void Dispose()
    {
        NativeMemory.Free(_cells);
        _cells = null;
        GC.SuppressFinalize(this);
    }

    private int HomeOf(TKey key) => unchecked((int)key.Hash()) & _mask;

    private Cell* Find(TKey key)
    {
        int at = HomeOf(key);
        while (_cells[at].Used && !_cells[at].Key.Equals(key)) { at = (at + 1) & _mask; }
        return _cells + at;
    }

    private void Grow()
    {
        Cell* old = _cells;
        int oldCells = _mask + 1;
        _cells = Allocate(oldCells * 2);
        _mask = (oldCells * 2) - 1;
        for (int i = 0; i < oldCells; i++)
        {
            if (old[i].Used) { *Find(old[i].Key) = old[i]; }
        }
        NativeMemory.Free(old);
    }

    // calloc: a large table costs no memory until its pages are touched.
    private static Cell* Allocate(int cells) => (Cell*)NativeMemory.AllocZeroed((nuint)cells, (nuint)sizeof(Cell));
}

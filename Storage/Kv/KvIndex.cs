using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Kv;

/// <summary>Node pointers in order of their keys: sorted leaves of up to 128, and a sorted array of leaves. An insertion moves
/// within one leaf; only a split or a merge moves within the array, which is short even for millions of keys.</summary>
internal sealed unsafe class KvIndex : IDisposable
{
    public const int LeafCapacity = 128;

    /// <summary>Two neighbours that together hold no more than this become one.</summary>
    private const int MergeBelow = LeafCapacity / 2;

    [StructLayout(LayoutKind.Sequential)]
    private struct Leaf
    {
        public int Count;
        public fixed ulong Items[LeafCapacity];
    }

    private Leaf*[] _leaves = new Leaf*[16];
    private int _leafCount;

    ~KvIndex() => Free();

    public long Count { get; private set; }

    /// <summary>A place between two pairs: leaf and position in it.</summary>
    internal readonly record struct Place(int Leaf, int Item);

    /// <summary>Place of the first pair whose key is not less than <paramref name="key"/>.</summary>
    public Place LowerBound(ReadOnlySpan<byte> key, out bool equal)
    {
        equal = false;
        // The last leaf whose first key is <= key holds the place, or it is the end of that leaf.
        int low = 0;
        int high = _leafCount;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (KvNode.Key(ItemOf(_leaves[middle], 0)).SequenceCompareTo(key) <= 0) { low = middle + 1; }
            else { high = middle; }
        }
        if (low == 0) { return new Place(0, 0); }
        Leaf* leaf = _leaves[low - 1];
        int first = 0;
        int end = leaf->Count;
        while (first < end)
        {
            int middle = (first + end) / 2;
            int order = KvNode.Key(ItemOf(leaf, middle)).SequenceCompareTo(key);
            if (order == 0)
            {
                equal = true;
                return new Place(low - 1, middle);
            }
            if (order < 0) { first = middle + 1; }
            else { end = middle; }
        }
        return new Place(low - 1, first);
    }

    /// <summary>The pair at or after a place, which is moved on to it; null = the end.</summary>
    public KvNode* At(ref Place place)
    {
        while (place.Leaf < _leafCount)
        {
            if (place.Item < _leaves[place.Leaf]->Count) { return ItemOf(_leaves[place.Leaf], place.Item); }
            place = new Place(place.Leaf + 1, 0);
        }
        return null;
    }

    /// <summary>Replaces the pair at a place by one with the same key.</summary>
    public void Replace(Place place, KvNode* node) => _leaves[place.Leaf]->Items[place.Item] = (ulong)node;

    /// <param name="place">From <see cref="LowerBound"/> of the node's key, which was not found.</param>
    public void Insert(Place place, KvNode* node)
    {
        if (_leafCount == 0) { InsertLeaf(0); }
        (int at, int item) = (place.Leaf, place.Item);
        Leaf* leaf = _leaves[at];
        if (leaf->Count == LeafCapacity)
        {
            Split(at);
            if (item > leaf->Count)
            {
                item -= leaf->Count;
                leaf = _leaves[at + 1];
            }
        }
        Span<ulong> items = new(leaf->Items, LeafCapacity);
        items[item..leaf->Count].CopyTo(items[(item + 1)..]);
        items[item] = (ulong)node;
        leaf->Count++;
        Count++;
    }

    public void RemoveAt(Place place)
    {
        Leaf* leaf = _leaves[place.Leaf];
        Span<ulong> items = new(leaf->Items, LeafCapacity);
        items[(place.Item + 1)..leaf->Count].CopyTo(items[place.Item..]);
        leaf->Count--;
        Count--;
        if (leaf->Count == 0) { RemoveLeaf(place.Leaf); }
        else if (place.Leaf + 1 < _leafCount && leaf->Count + _leaves[place.Leaf + 1]->Count <= MergeBelow)
        {
            Leaf* next = _leaves[place.Leaf + 1];
            new Span<ulong>(next->Items, next->Count).CopyTo(items[leaf->Count..]);
            leaf->Count += next->Count;
            RemoveLeaf(place.Leaf + 1);
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private static KvNode* ItemOf(Leaf* leaf, int item) => (KvNode*)leaf->Items[item];

    private void Split(int at)
    {
        InsertLeaf(at + 1);
        Leaf* left = _leaves[at];
        Leaf* right = _leaves[at + 1];
        int half = LeafCapacity / 2;
        new Span<ulong>(left->Items + half, LeafCapacity - half).CopyTo(new Span<ulong>(right->Items, LeafCapacity));
        right->Count = LeafCapacity - half;
        left->Count = half;
    }

    private void InsertLeaf(int at)
    {
        if (_leafCount == _leaves.Length)
        {
            Leaf*[] larger = new Leaf*[_leaves.Length * 2];
            for (int i = 0; i < _leafCount; i++) { larger[i] = _leaves[i]; }
            _leaves = larger;
        }
        for (int i = _leafCount; i > at; i--) { _leaves[i] = _leaves[i - 1]; }
        _leaves[at] = (Leaf*)NativeMemory.AllocZeroed((nuint)sizeof(Leaf));
        _leafCount++;
    }

    private void RemoveLeaf(int at)
    {
        NativeMemory.Free(_leaves[at]);
        _leafCount--;
        for (int i = at; i < _leafCount; i++) { _leaves[i] = _leaves[i + 1]; }
    }

    private void Free()
    {
        for (int i = 0; i < _leafCount; i++)
        {
            for (int item = 0; item < _leaves[i]->Count; item++) { KvNode.Free(ItemOf(_leaves[i], item)); }
            NativeMemory.Free(_leaves[i]);
        }
        _leafCount = 0;
        Count = 0;
    }

    /// <summary>Order and shape, for tests.</summary>
    public void CheckInvariants()
    {
        long seen = 0;
        KvNode* last = null;
        for (int i = 0; i < _leafCount; i++)
        {
            Invariant.Require(_leaves[i]->Count is > 0 and <= LeafCapacity);
            for (int item = 0; item < _leaves[i]->Count; item++, seen++)
            {
                KvNode* node = ItemOf(_leaves[i], item);
                Invariant.Require(last is null || KvNode.Key(last).SequenceCompareTo(KvNode.Key(node)) < 0);
                last = node;
            }
        }
        Invariant.Require(seen == Count);
    }
}

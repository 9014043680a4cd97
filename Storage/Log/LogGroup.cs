using System;
using System.Numerics;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>The index of one group in memory: its base and, in a ring of structs, the entries behind it without gaps.</summary>
internal sealed class LogGroup(PgId id, ulong incarnation, ulong baseIndex, ulong baseTerm)
{
    private IndexEntry[] _entries = [];
    private int _head;

    public PgId Id { get; } = id;
    public ulong Incarnation { get; private set; } = incarnation;

    /// <summary>Counts resets: what was found out about an earlier life says nothing about this one.</summary>
    public int Life { get; private set; }

    /// <summary>Index and term of the last entry that is gone.</summary>
    public ulong BaseIndex { get; private set; } = baseIndex;

    public ulong BaseTerm { get; private set; } = baseTerm;
    public int Count { get; private set; }
    public ulong LastIndex => BaseIndex + (ulong)Count;

    /// <summary>Replay found that records may be lost.</summary>
    public bool IsDamaged { get; set; }

    /// <summary>Set when the group is taken out of the log's table; lists may still name this object.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>Segment of the live reset or base record.</summary>
    public ulong BaseSegment { get; set; }

    /// <summary>Which item of which segment's list describes this group, so that an append finds it without a search.</summary>
    public ulong SpanSegment { get; set; } = ulong.MaxValue;

    public int SpanItem { get; set; }

    public bool Holds(ulong index) => index > BaseIndex && index <= LastIndex;

    /// <summary>The entry with <paramref name="index"/>, which must be held. Valid until the next change.</summary>
    public ref IndexEntry this[ulong index]
    {
        get
        {
            Invariant.Require(index > BaseIndex);
            int place = (int)(index - BaseIndex - 1);
            Invariant.Require(place < Count);
            return ref _entries[(_head + place) & (_entries.Length - 1)];
        }
    }

    public bool TryGetTerm(ulong index, out ulong term)
    {
        if (index == BaseIndex)
        {
            term = BaseTerm;
            return true;
        }
        term = Holds(index) ? this[index].Term : 0;
        return Holds(index);
    }

    /// <summary>Adds the entry with index LastIndex + 1.</summary>
    public void Push(in IndexEntry entry)
    {
        if (Count == _entries.Length) { Grow(); }
        _entries[(_head + Count) & (_entries.Length - 1)] = entry;
        Count++;
    }

    /// <summary>Replay: adds the entry with index BaseIndex in front; the base moves back by one.</summary>
    public void PushFront(in IndexEntry entry)
    {
        if (Count == _entries.Length) { Grow(); }
        _head = (_head - 1) & (_entries.Length - 1);
        _entries[_head] = entry;
        Count++;
        BaseIndex--;
        BaseTerm = 0;
    }

    /// <summary>Cuts off everything from <paramref name="index"/> on.</summary>
    public void CutFrom(ulong index)
    {
        Invariant.Require(index > BaseIndex);
        if (index <= LastIndex) { Count = (int)(index - BaseIndex - 1); }
    }

    /// <summary>An entry's record cannot be read any more: it and everything behind it is cut off. On the device the gap stays,
    /// and a replay reports it.</summary>
    public void LoseFrom(ulong index)
    {
        IsDamaged = true;
        if (index > BaseIndex) { CutFrom(index); }
    }

    /// <summary>Drops the entries up to <paramref name="index"/>, which becomes the base.</summary>
    public void DropUpTo(ulong index, ulong term)
    {
        Invariant.Require(index >= BaseIndex);
        ulong drop = Math.Min(index - BaseIndex, (ulong)Count);
        Count -= (int)drop;
        _head = _entries.Length == 0 ? 0 : (_head + (int)drop) & (_entries.Length - 1);
        BaseIndex = index;
        BaseTerm = term;
    }

    public void Reset(ulong incarnation, ulong baseIndex, ulong baseTerm)
    {
        Incarnation = incarnation;
        Life++;
        BaseIndex = baseIndex;
        BaseTerm = baseTerm;
        Count = 0;
        _head = 0;
    }

    public LogGroupInfo Info => new(Id, Incarnation, BaseIndex, BaseTerm, LastIndex, IsDamaged);

    private void Grow()
    {
        IndexEntry[] larger = new IndexEntry[(int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, Count + 1))];
        for (int i = 0; i < Count; i++) { larger[i] = _entries[(_head + i) & (_entries.Length - 1)]; }
        _entries = larger;
        _head = 0;
    }
}

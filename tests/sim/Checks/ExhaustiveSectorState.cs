using System;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>For <see cref="ExhaustiveSectorHistory"/>: one state in which a sector may be: its value, which of the operations under way have taken effect, and which values
/// each read under way may have seen on the way here. Immutable.</summary>
internal sealed class ExhaustiveSectorState : IEquatable<ExhaustiveSectorState>
{
    private readonly (int Slot, long Value)[] _seen; // ascending
    private readonly int _hash;

    public ExhaustiveSectorState(long value, ulong done, (int Slot, long Value)[] seen)
    {
        Value = value;
        Done = done;
        _seen = seen;
        unchecked
        {
            int hash = (int)value + ((int)(value >> 32) * 31) + ((int)done * 7919) + (int)(done >> 32);
            foreach ((int slot, long one) in seen) { hash = (hash * 31) + (slot * 17) + (int)one; }
            _hash = hash;
        }
    }

    public long Value { get; }
    public ulong Done { get; }

    public bool IsDone(int slot) => (Done & (1UL << slot)) != 0;

    /// <summary>May the read in this slot have seen the value?</summary>
    public bool HasSeen(int slot, long value) => Array.BinarySearch(_seen, (slot, value)) >= 0;

    /// <summary>An operation takes effect; every read under way may have seen the new value.</summary>
    public ExhaustiveSectorState After(int slot, long value, ulong reads)
    {
        if (value == Value) { return new ExhaustiveSectorState(value, Done | (1UL << slot), _seen); }
        return new ExhaustiveSectorState(value, Done | (1UL << slot), Add(value, reads));
    }

    /// <summary>A read begins: it may see the present value.</summary>
    public ExhaustiveSectorState WithRead(int slot) => new(Value, Done, Add(Value, 1UL << slot));

    /// <summary>An operation has ended: its slot is free.</summary>
    public ExhaustiveSectorState Without(int slot)
    {
        int count = 0;
        foreach ((int own, long _) in _seen) { count += own == slot ? 0 : 1; }
        (int Slot, long Value)[] kept = _seen;
        if (count != _seen.Length)
        {
            kept = new (int Slot, long Value)[count];
            count = 0;
            foreach ((int Slot, long Value) one in _seen)
            {
                if (one.Slot != slot) { kept[count++] = one; }
            }
        }
        return new ExhaustiveSectorState(Value, Done & ~(1UL << slot), kept);
    }

    /// <summary>Everything that the other allows, this one allows as well.</summary>
    public bool Covers(ExhaustiveSectorState other)
    {
        if (Value != other.Value || Done != other.Done || _seen.Length < other._seen.Length) { return false; }
        foreach ((int Slot, long Value) one in other._seen)
        {
            if (Array.BinarySearch(_seen, one) < 0) { return false; }
        }
        return true;
    }

    public bool Equals(ExhaustiveSectorState? other) =>
        other != null && Value == other.Value && Done == other.Done && _seen.AsSpan().SequenceEqual(other._seen);

    public override bool Equals(object? obj) => Equals(obj as ExhaustiveSectorState);

    public override int GetHashCode() => _hash;

    private (int Slot, long Value)[] Add(long value, ulong slots)
    {
        var seen = new System.Collections.Generic.List<(int Slot, long Value)>(_seen);
        for (int slot = 0; slots >> slot != 0; slot++)
        {
            if ((slots & (1UL << slot)) == 0) { continue; }
            int at = seen.BinarySearch((slot, value));
            if (at < 0) { seen.Insert(~at, (slot, value)); }
            if (slot == 63) { break; }
        }
        return seen.Count == _seen.Length ? _seen : [.. seen];
    }
}

using System;
using System.Collections.Generic;
using System.Numerics;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>
/// Many states in which a sector may be, as one. All have the same value, in all the operations of <see cref="Done"/> have taken
/// effect, and for each of <see cref="Free"/> there are states in which it has (hidden by a later one) and states in which it has
/// not, in every combination. Of the other operations under way none has taken effect. Immutable.
/// <para>With it goes which values each read under way may have seen on the way here; a value of a free operation only in the
/// states in which that has taken effect. The order among what is hidden does not matter: each of these was visible for a
/// moment, and whoever was reading may have seen it then.</para>
/// </summary>
internal sealed class SectorState
{
    /// <summary>A read under way may have seen a value.</summary>
    /// <param name="Via">The free operation that must have taken effect for it, or -1.</param>
    private readonly record struct Sight(int Read, long Value, int Via);

    private readonly Sight[] _sights;

    private SectorState(long value, ulong done, ulong free, Sight[] sights)
    {
        Value = value;
        Done = done;
        Free = free;
        _sights = sights;
    }

    /// <summary>Never written.</summary>
    public static SectorState Initial { get; } = new(0, 0, 0, []);

    /// <summary>This value for certain, and nothing under way.</summary>
    public static SectorState Of(long value) => value == 0 ? Initial : new(value, 0, 0, []);

    public long Value { get; }
    public ulong Done { get; }
    public ulong Free { get; }

    public bool IsDone(int slot) => (Done & (1UL << slot)) != 0;

    public bool IsFree(int slot) => (Free & (1UL << slot)) != 0;

    /// <summary>A read begins: it may see the present value.</summary>
    public SectorState WithRead(int slot) => new(Value, Done, Free, [.. _sights, new Sight(slot, Value, -1)]);

    /// <summary>A write that had not taken effect does so now; whatever else is under way may have done so just before.</summary>
    /// <param name="values">Of the operations, by slot.</param>
    /// <param name="writes">Slots of the writes under way.</param>
    /// <param name="reads">Slots of the reads under way.</param>
    public SectorState After(int slot, ReadOnlySpan<long> values, ulong writes, ulong reads)
    {
        ulong free = writes & ~Done & ~(1UL << slot);
        var sights = new List<Sight>(_sights.Length + BitOperations.PopCount(reads));
        foreach (Sight sight in _sights)
        {
            if (sight.Via != slot) { sights.Add(sight); }
        }
        for (ulong rest = reads; rest != 0; rest &= rest - 1)
        {
            int read = BitOperations.TrailingZeroCount(rest);
            AddSight(sights, new Sight(read, values[slot], -1));
            for (ulong others = free; others != 0; others &= others - 1)
            {
                int other = BitOperations.TrailingZeroCount(others);
                AddSight(sights, new Sight(read, values[other], other));
            }
        }
        return new SectorState(values[slot], Done | (1UL << slot), free, [.. sights]);
    }

    /// <summary>Only the states in which this operation has taken effect.</summary>
    public SectorState WithDone(int slot)
    {
        if (IsDone(slot)) { return this; }
        return new SectorState(Value, Done | (1UL << slot), Free & ~(1UL << slot), Settled(slot));
    }

    /// <summary>The operation is over, and its slot free, whether it has taken effect or not: nothing depends on it any more.</summary>
    public SectorState Without(int slot) => new(Value, Done & ~(1UL << slot), Free & ~(1UL << slot), Settled(slot));

    /// <summary>A read has seen the value in all of these states.</summary>
    public bool HasSeenForCertain(int read, long value)
    {
        foreach (Sight sight in _sights)
        {
            if (sight.Read == read && sight.Value == value && sight.Via < 0) { return true; }
        }
        return false;
    }

    /// <summary>The states in which a read has seen the value, as far as that needs nothing to happen now.</summary>
    public IEnumerable<SectorState> HavingSeen(int read, long value)
    {
        if (HasSeenForCertain(read, value))
        {
            yield return this;
            yield break; // covers the others
        }
        foreach (Sight sight in _sights)
        {
            if (sight.Read == read && sight.Value == value) { yield return WithDone(sight.Via); }
        }
    }

    /// <summary>A read has ended.</summary>
    public SectorState WithoutRead(int read)
    {
        if (_sights.Length == 1 && _sights[0].Read == read && Done == 0 && Free == 0 && Value == 0) { return Initial; }
        var kept = new List<Sight>(_sights.Length);
        foreach (Sight sight in _sights)
        {
            if (sight.Read != read) { kept.Add(sight); }
        }
        return kept.Count == _sights.Length ? this : new SectorState(Value, Done, Free, [.. kept]);
    }

    /// <summary>Everything that the other allows, this one allows as well.</summary>
    public bool Covers(SectorState other)
    {
        if (Value != other.Value || (Done & ~other.Done) != 0) { return false; }
        if (((other.Done | other.Free) & ~(Done | Free)) != 0) { return false; }
        foreach (Sight sight in other._sights)
        {
            if (!Allows(sight, other.Done)) { return false; }
        }
        return true;
    }

    private bool Allows(Sight wanted, ulong done)
    {
        foreach (Sight sight in _sights)
        {
            if (sight.Read != wanted.Read || sight.Value != wanted.Value) { continue; }
            if (sight.Via < 0 || sight.Via == wanted.Via || (done & (1UL << sight.Via)) != 0) { return true; }
        }
        return false;
    }

    /// <summary>What was seen through this operation was seen for certain.</summary>
    private Sight[] Settled(int slot)
    {
        bool any = false;
        foreach (Sight sight in _sights) { any |= sight.Via == slot; }
        if (!any) { return _sights; }
        var settled = new List<Sight>(_sights.Length);
        foreach (Sight sight in _sights) { AddSight(settled, sight.Via == slot ? sight with { Via = -1 } : sight); }
        return [.. settled];
    }

    private static void AddSight(List<Sight> sights, Sight added)
    {
        for (int i = 0; i < sights.Count; i++)
        {
            Sight sight = sights[i];
            if (sight.Read != added.Read || sight.Value != added.Value) { continue; }
            if (sight.Via < 0 || sight.Via == added.Via) { return; }
            if (added.Via >= 0) { continue; }
            sights[i] = added;
            return;
        }
        sights.Add(added);
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>
/// Checks that the operations on one sector are linearizable: that there is one order of them, in keeping with real time, in
/// which every read returns the newest write. Done while the history grows ("just in time", Wing and Gong; Lowe): kept are the
/// states in which the sector may be now, and when an operation returns, only those live on in which it has taken effect by
/// then. No state left = no such order. An operation without an answer stays under way, and may take effect at any later time,
/// until somebody rules that out.
/// <para>An operation takes effect as late as possible: when it returns, when it is read, or hidden just before one that does. As
/// those that are hidden are independent of one another, a <see cref="SectorState"/> stands for all their combinations, and
/// a few of them suffice however many operations are under way.</para>
/// </summary>
internal sealed class SectorHistory
{
    /// <summary>Operations under way on one sector at most.</summary>
    public const int MaxUnderWay = 64;

    /// <summary>Beyond it the sector is not checked any more: rare, and marked.</summary>
    private const int MaxStates = 2000;
    private const int None = -1;

    private readonly SectorOpKind[] _kinds = new SectorOpKind[MaxUnderWay];
    private readonly long[] _values = new long[MaxUnderWay];
    private bool _isBlind;
    private List<SectorState> _states = [SectorState.Initial];
    private int _loneRead = None; // a read that nothing overlaps so far: the states do not know of it yet
    private ulong _reads;  // slots of reads under way
    private ulong _writes; // slots of all others

    /// <summary>What the cost of the check depends on.</summary>
    public int StateCount => _states.Count;

    /// <summary>The values that the sector may have now if nothing under way takes effect.</summary>
    public IEnumerable<long> PossibleValues
    {
        get
        {
            var seen = new SortedSet<long>();
            foreach (SectorState state in _states) { _ = seen.Add(state.Value); }
            return seen;
        }
    }

    /// <summary>An operation begins.</summary>
    /// <param name="value">Of a write: what it writes.</param>
    /// <returns>Its slot, for the call that ends it.</returns>
    public int Begin(SectorOpKind kind, long value)
    {
        int slot = System.Numerics.BitOperations.TrailingZeroCount(~(_reads | _writes));
        if (slot == MaxUnderWay) { throw new InvalidOperationException("too many operations under way on one sector"); }
        bool isAlone = (_reads | _writes) == 0;
        _kinds[slot] = kind;
        _values[slot] = value;
        if (isAlone && kind == SectorOpKind.Read)
        {
            _loneRead = slot;
            _reads = 1UL << slot;
            return slot;
        }
        if (_loneRead != None)
        {
            for (int i = 0; i < _states.Count; i++) { _states[i] = _states[i].WithRead(_loneRead); }
            _loneRead = None;
        }
        if (kind != SectorOpKind.Read)
        {
            _writes |= 1UL << slot;
            return slot;
        }
        _reads |= 1UL << slot;
        for (int i = 0; i < _states.Count; i++) { _states[i] = _states[i].WithRead(slot); }
        return slot;
    }

    /// <summary>A read returned a value. False: no order of the operations explains it.</summary>
    public bool EndRead(int slot, long value)
    {
        _reads &= ~(1UL << slot);
        if (slot == _loneRead)
        {
            _loneRead = None;
            return KeepStatesOf(value);
        }
        if (_states.Count == 1 && _states[0].HasSeenForCertain(slot, value))
        {
            _states[0] = _states[0].WithoutRead(slot);
            return true;
        }
        var reached = new List<SectorState>();
        foreach (SectorState state in _states)
        {
            bool certain = false;
            foreach (SectorState seen in state.HavingSeen(slot, value))
            {
                certain |= ReferenceEquals(seen, state);
                AddState(reached, seen.WithoutRead(slot));
            }
            if (!certain) { AddThatShowNow(reached, state.WithoutRead(slot), value); }
        }
        return Continue(reached);
    }

    /// <summary>A write or discard was acknowledged.</summary>
    public bool EndWrite(int slot)
    {
        if (_writes == 1UL << slot && _reads == 0 && _kinds[slot] == SectorOpKind.Write && HasNotHappenedYet(slot))
        {
            // Nothing else is under way, as for most: whatever the sector was before, it is this now.
            _states.Clear();
            _states.Add(SectorState.Of(_values[slot]));
            _writes = 0;
            return true;
        }
        var reached = new List<SectorState>();
        foreach (SectorState state in _states)
        {
            if (state.IsDone(slot))
            {
                AddState(reached, state.Without(slot));
                continue;
            }
            // It has taken effect already and is hidden, or it does now; a discard may also have done nothing.
            if (state.IsFree(slot) || _kinds[slot] == SectorOpKind.MaybeZero) { AddState(reached, state.Without(slot)); }
            AddState(reached, state.After(slot, _values, _writes, _reads).Without(slot));
        }
        _writes &= ~(1UL << slot);
        return Continue(reached);
    }

    /// <summary>The operation ended without a good answer: it took effect once up to now, or never will.</summary>
    public void EndUnknown(int slot)
    {
        if (slot == _loneRead)
        {
            _loneRead = None;
            _reads = 0;
            return;
        }
        var reached = new List<SectorState>();
        bool isRead = _kinds[slot] == SectorOpKind.Read;
        foreach (SectorState state in _states)
        {
            if (isRead)
            {
                AddState(reached, state.WithoutRead(slot));
                continue;
            }
            AddState(reached, state.Without(slot)); // never, or hidden
            if (!state.IsDone(slot)) { AddState(reached, state.After(slot, _values, _writes, _reads).Without(slot)); }
        }
        _reads &= ~(1UL << slot);
        _writes &= ~(1UL << slot);
        _ = Continue(reached);
    }

    /// <summary>The read's value is one that a write under way brings just now.</summary>
    private void AddThatShowNow(List<SectorState> reached, SectorState state, long value)
    {
        for (ulong rest = _writes & ~state.Done; rest != 0; rest &= rest - 1)
        {
            int write = System.Numerics.BitOperations.TrailingZeroCount(rest);
            if (_values[write] == value) { AddState(reached, state.After(write, _values, _writes, _reads)); }
        }
    }

    /// <summary>A read that overlapped nothing returned this value.</summary>
    private bool KeepStatesOf(long value)
    {
        int kept = 0;
        for (int i = 0; i < _states.Count; i++)
        {
            if (_states[i].Value == value) { _states[kept++] = _states[i]; }
        }
        if (kept == 0) { return _isBlind; }
        _states.RemoveRange(kept, _states.Count - kept);
        return true;
    }

    private bool HasNotHappenedYet(int slot)
    {
        foreach (SectorState state in _states)
        {
            if (state.IsDone(slot) || state.IsFree(slot)) { return false; }
        }
        return true;
    }

    private bool Continue(List<SectorState> reached)
    {
        if (reached.Count > MaxStates && !_isBlind)
        {
            _isBlind = true;
            Reached.Mark("sim: sector history too wide");
        }
        if (_isBlind)
        {
            _states = [SectorState.Initial];
            return true;
        }
        if (reached.Count == 0) { return false; }
        _states = reached;
        return true;
    }

    /// <summary>Adds a state unless one that is there allows as much; drops those that it makes superfluous.</summary>
    private static void AddState(List<SectorState> states, SectorState added)
    {
        int kept = 0;
        for (int i = 0; i < states.Count; i++)
        {
            if (states[i].Covers(added)) { return; }
            if (!added.Covers(states[i])) { states[kept++] = states[i]; }
        }
        states.RemoveRange(kept, states.Count - kept);
        states.Add(added);
    }
}

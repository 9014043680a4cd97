using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>
/// Checks that the operations on one sector are linearizable: that there is one order of them, in keeping with real time, in
/// which every read returns the newest write. Done while the history grows ("just in time", Wing and Gong; Lowe): kept is the
/// set of all states in which the sector may be now (<see cref="SectorState"/>), and when an operation returns, only those live
/// on in which it has taken effect by then. No state left = no such order. An operation without an answer stays under way, and
/// may take effect at any later time, until somebody rules that out.
/// </summary>
internal sealed class SectorHistory
{
    private struct Operation
    {
        public bool IsUsed;
        public SectorOpKind Kind;
        public long Value;
    }

    /// <summary>Operations under way on one sector at most.</summary>
    public const int MaxUnderWay = 64;

    /// <summary>States met while one operation ends. Beyond it the sector is not checked any more: rare, and marked.</summary>
    private const int MaxStates = 4000;

    private Operation[] _operations = new Operation[4];
    private bool _isBlind;
    private List<SectorState> _states = [new SectorState(0, 0, [])];
    private ulong _reads; // slots of reads under way

    /// <summary>States that are possible now; what the cost of the check depends on.</summary>
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
        int slot = 0;
        while (slot < _operations.Length && _operations[slot].IsUsed) { slot++; }
        if (slot == _operations.Length)
        {
            if (slot == MaxUnderWay) { throw new InvalidOperationException("too many operations under way on one sector"); }
            Array.Resize(ref _operations, Math.Min(MaxUnderWay, slot * 2));
        }
        _operations[slot] = new Operation { IsUsed = true, Kind = kind, Value = value };
        if (kind == SectorOpKind.Read)
        {
            _reads |= 1UL << slot;
            for (int i = 0; i < _states.Count; i++) { _states[i] = _states[i].WithRead(slot); }
        }
        return slot;
    }

    /// <summary>A read returned a value. False: no order of the operations explains it.</summary>
    public bool EndRead(int slot, long value)
    {
        var reached = new List<SectorState>();
        var met = new HashSet<SectorState>();
        foreach (SectorState state in _states) { Explore(state, s => s.HasSeen(slot, value), slot, reached, met); }
        _reads &= ~(1UL << slot);
        return Continue(slot, reached);
    }

    /// <summary>A write or discard was acknowledged.</summary>
    public bool EndWrite(int slot)
    {
        var reached = new List<SectorState>();
        var met = new HashSet<SectorState>();
        foreach (SectorState state in _states) { Explore(state, s => s.IsDone(slot), slot, reached, met); }
        return Continue(slot, reached);
    }

    /// <summary>The operation ended without a good answer: it took effect once up to now, or never will.</summary>
    public void EndUnknown(int slot)
    {
        var reached = new List<SectorState>();
        if (_operations[slot].Kind == SectorOpKind.Read)
        {
            _reads &= ~(1UL << slot);
            foreach (SectorState state in _states) { AddState(reached, state.Without(slot)); }
        }
        else
        {
            var met = new HashSet<SectorState>();
            foreach (SectorState state in _states)
            {
                // It never happened: the state stays as it is. What others may still do, they may do later.
                if (!state.IsDone(slot)) { AddState(reached, state.Without(slot)); }
                Explore(state, s => s.IsDone(slot), slot, reached, met);
            }
        }
        _ = Continue(slot, reached);
    }

    private bool Continue(int slot, List<SectorState> reached)
    {
        _operations[slot] = default;
        if (_isBlind)
        {
            _states = [new SectorState(0, 0, [])];
            return true;
        }
        if (reached.Count == 0) { return false; }
        _states = reached;
        return true;
    }

    /// <summary>Lets operations under way take effect in every order, up to the point where <paramref name="isOver"/> holds.</summary>
    private void Explore(SectorState state, Func<SectorState, bool> isOver, int slot, List<SectorState> reached, HashSet<SectorState> met)
    {
        if (isOver(state))
        {
            AddState(reached, state.Without(slot));
            return;
        }
        if (_isBlind || !met.Add(state)) { return; }
        if (met.Count > MaxStates || reached.Count > MaxStates)
        {
            _isBlind = true;
            Reached.Mark("sim: sector history too wide");
            return;
        }
        for (int i = 0; i < _operations.Length; i++)
        {
            if (!_operations[i].IsUsed || state.IsDone(i) || _operations[i].Kind == SectorOpKind.Read) { continue; }
            Explore(state.After(i, _operations[i].Value, _reads), isOver, slot, reached, met);
            if (_operations[i].Kind == SectorOpKind.MaybeZero) { Explore(state.After(i, state.Value, _reads), isOver, slot, reached, met); }
        }
    }

    /// <summary>Adds a state unless one that is there allows as much.</summary>
    private static void AddState(List<SectorState> states, SectorState added)
    {
        for (int i = 0; i < states.Count; i++)
        {
            if (states[i].Covers(added)) { return; }
            if (!added.Covers(states[i])) { continue; }
            states[i] = added;
            return;
        }
        states.Add(added);
    }
}

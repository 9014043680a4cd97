using System;
using System.Collections.Generic;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>What <see cref="SectorHistory"/> does, in the plainest way: keeps every single state in which the sector may be, found by
/// letting the operations under way take effect in every order. Right, and far too dear for a run: the two are compared by a
/// test. Goes blind beyond a number of states.</summary>
internal sealed class ExhaustiveSectorHistory
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
    private List<ExhaustiveSectorState> _states = [new ExhaustiveSectorState(0, 0, [])];
    private ulong _reads; // slots of reads under way

    /// <summary>There were too many states: it says yes to everything.</summary>
    public bool IsBlind => _isBlind;

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
        var reached = new List<ExhaustiveSectorState>();
        var met = new HashSet<ExhaustiveSectorState>();
        foreach (ExhaustiveSectorState state in _states) { Explore(state, s => s.HasSeen(slot, value), slot, reached, met); }
        _reads &= ~(1UL << slot);
        return Continue(slot, reached);
    }

    /// <summary>A write or discard was acknowledged.</summary>
    public bool EndWrite(int slot)
    {
        var reached = new List<ExhaustiveSectorState>();
        var met = new HashSet<ExhaustiveSectorState>();
        foreach (ExhaustiveSectorState state in _states) { Explore(state, s => s.IsDone(slot), slot, reached, met); }
        return Continue(slot, reached);
    }

    /// <summary>The operation ended without a good answer: it took effect once up to now, or never will.</summary>
    public void EndUnknown(int slot)
    {
        var reached = new List<ExhaustiveSectorState>();
        if (_operations[slot].Kind == SectorOpKind.Read)
        {
            _reads &= ~(1UL << slot);
            foreach (ExhaustiveSectorState state in _states) { AddState(reached, state.Without(slot)); }
        }
        else
        {
            var met = new HashSet<ExhaustiveSectorState>();
            foreach (ExhaustiveSectorState state in _states)
            {
                // It never happened: the state stays as it is. What others may still do, they may do later.
                if (!state.IsDone(slot)) { AddState(reached, state.Without(slot)); }
                Explore(state, s => s.IsDone(slot), slot, reached, met);
            }
        }
        _ = Continue(slot, reached);
    }

    private bool Continue(int slot, List<ExhaustiveSectorState> reached)
    {
        _operations[slot] = default;
        if (_isBlind)
        {
            _states = [new ExhaustiveSectorState(0, 0, [])];
            return true;
        }
        if (reached.Count == 0) { return false; }
        _states = reached;
        return true;
    }

    /// <summary>Lets operations under way take effect in every order, up to the point where <paramref name="isOver"/> holds.</summary>
    private void Explore(ExhaustiveSectorState state, Func<ExhaustiveSectorState, bool> isOver, int slot, List<ExhaustiveSectorState> reached, HashSet<ExhaustiveSectorState> met)
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
    private static void AddState(List<ExhaustiveSectorState> states, ExhaustiveSectorState added)
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

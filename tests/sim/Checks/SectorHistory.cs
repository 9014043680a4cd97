using System;
using System.Collections.Generic;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>
/// Checks that the operations on one sector are linearizable: that there is one order of them, in keeping with real time, in
/// which every read returns the newest write. Done while the history grows ("just in time", Wing and Gong; Lowe): kept is the
/// set of all states in which the sector may be now,
/// <code>   state = (value, which of the operations under way have already taken effect)   </code>
/// and when an operation returns, only those states live on in which it has taken effect by then. No state left = no such order.
/// An operation without an answer stays under way, and may take effect at any later time, until somebody rules that out.
/// </summary>
internal sealed class SectorHistory
{
    private readonly record struct State(long Value, ulong Done);

    private struct Operation
    {
        public bool IsUsed;
        public SectorOpKind Kind;
        public long Value;
    }

    /// <summary>Operations under way on one sector at most.</summary>
    public const int MaxUnderWay = 64;

    private Operation[] _operations = new Operation[4];
    private List<State> _states = [new State(0, 0)];

    /// <summary>States that are possible now; what the cost of the check depends on.</summary>
    public int StateCount => _states.Count;

    /// <summary>The values that a read could return now if nothing under way took effect.</summary>
    public IEnumerable<long> PossibleValues
    {
        get
        {
            var seen = new SortedSet<long>();
            foreach (State state in _states) { _ = seen.Add(state.Value); }
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
        return slot;
    }

    /// <summary>A read returned a value. False: no order of the operations explains it.</summary>
    public bool EndRead(int slot, long value)
    {
        _operations[slot].Value = value;
        return End(slot, mayHaveFailed: false);
    }

    /// <summary>A write or discard was acknowledged.</summary>
    public bool EndWrite(int slot) => End(slot, mayHaveFailed: false);

    /// <summary>The operation ended without a good answer: it took effect once up to now, or never will.</summary>
    public void EndUnknown(int slot) => _ = End(slot, mayHaveFailed: true);

    private bool End(int slot, bool mayHaveFailed)
    {
        var reached = new List<State>();
        var seen = new HashSet<State>();
        foreach (State state in _states)
        {
            // It never happened: the state stays as it is. What others may still do, they may do later.
            if (mayHaveFailed && (state.Done & (1UL << slot)) == 0) { reached.Add(state); }
            Explore(state, slot, reached, seen);
        }
        _operations[slot] = default;
        if (reached.Count == 0) { return false; }
        _states = reached;
        return true;
    }

    /// <summary>Lets operations under way take effect in every order, up to the point where <paramref name="slot"/> has.</summary>
    private void Explore(State state, int slot, List<State> reached, HashSet<State> seen)
    {
        ulong bit = 1UL << slot;
        if ((state.Done & bit) != 0)
        {
            var ended = new State(state.Value, state.Done & ~bit);
            if (!reached.Contains(ended)) { reached.Add(ended); }
            return;
        }
        if (!seen.Add(state)) { return; }
        for (int i = 0; i < _operations.Length; i++)
        {
            ulong own = 1UL << i;
            if (!_operations[i].IsUsed || (state.Done & own) != 0) { continue; }
            switch (_operations[i].Kind)
            {
                case SectorOpKind.Read:
                    // A read under way constrains nothing until it returns, so only the one that ends is worth placing.
                    if (i == slot && _operations[i].Value == state.Value)
                    {
                        Explore(state with { Done = state.Done | own }, slot, reached, seen);
                    }
                    break;
                case SectorOpKind.Write:
                    Explore(new State(_operations[i].Value, state.Done | own), slot, reached, seen);
                    break;
                default:
                    Explore(new State(0, state.Done | own), slot, reached, seen);
                    Explore(state with { Done = state.Done | own }, slot, reached, seen);
                    break;
            }
        }
    }
}

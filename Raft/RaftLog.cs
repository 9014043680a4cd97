using System;
using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>What Raft needs to know of a log: the term of every index from a base on. Terms only grow along a log, so it is
/// kept as runs of equal terms: a few words for any number of entries. The bytes are the host's.</summary>
internal sealed class RaftLog
{
    private LogIndex[] _runStart = new LogIndex[4];
    private Term[] _runTerm = new Term[4];
    private int _runs;

    public RaftLog(LogIndex baseIndex = default, Term baseTerm = default)
    {
        BaseIndex = baseIndex;
        BaseTerm = baseTerm;
        LastIndex = baseIndex;
    }

    /// <summary>The index before the first entry that is still there; 0 for a whole log.</summary>
    public LogIndex BaseIndex { get; private set; }

    /// <summary>Term of the entry at <see cref="BaseIndex"/>.</summary>
    public Term BaseTerm { get; private set; }

    public LogIndex LastIndex { get; private set; }

    public Term LastTerm => _runs > 0 ? _runTerm[_runs - 1] : BaseTerm;

    /// <summary>Number of entries from the base on.</summary>
    public ulong Count => LastIndex - BaseIndex;

    /// <summary>Term of an entry or of the base.</summary>
    /// <returns>False when the index is before the base or behind the end.</returns>
    public bool TryTerm(LogIndex index, out Term term)
    {
        term = BaseTerm;
        if (index < BaseIndex || index > LastIndex) { return false; }
        if (index == BaseIndex) { return true; }
        int low = 0, high = _runs - 1;
        // Nearly always the newest run.
        if (_runStart[high] <= index) { low = high; }
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (_runStart[middle] <= index) { low = middle; } else { high = middle - 1; }
        }
        term = _runTerm[low];
        return true;
    }

    /// <summary>Adds one entry at the end; terms never go down along a log.</summary>
    public LogIndex Append(Term term)
    {
        Invariant.Require(term >= LastTerm);
        LastIndex = LastIndex.Next;
        if (_runs > 0 && _runTerm[_runs - 1] == term) { return LastIndex; }
        if (_runs == _runStart.Length)
        {
            Array.Resize(ref _runStart, _runs * 2);
            Array.Resize(ref _runTerm, _runs * 2);
        }
        _runStart[_runs] = LastIndex;
        _runTerm[_runs++] = term;
        return LastIndex;
    }

    /// <summary>Drops <paramref name="from"/> and everything behind it.</summary>
    public void Truncate(LogIndex from)
    {
        Invariant.Require(from > BaseIndex);
        if (from > LastIndex) { return; }
        LastIndex = from.Previous;
        while (_runs > 0 && _runStart[_runs - 1] > LastIndex) { _runs--; }
    }

    /// <summary>Drops everything up to and including <paramref name="upTo"/>, which becomes the base.</summary>
    public void Compact(LogIndex upTo)
    {
        if (upTo <= BaseIndex) { return; }
        Invariant.Require(upTo <= LastIndex);
        _ = TryTerm(upTo, out Term term);
        BaseIndex = upTo;
        BaseTerm = term;
        int drop = 0;
        while (drop + 1 < _runs && _runStart[drop + 1] <= upTo.Next) { drop++; }
        if (LastIndex == upTo) { drop = _runs; }
        if (drop > 0)
        {
            Array.Copy(_runStart, drop, _runStart, 0, _runs - drop);
            Array.Copy(_runTerm, drop, _runTerm, 0, _runs - drop);
            _runs -= drop;
        }
        if (_runs > 0 && _runStart[0] <= upTo) { _runStart[0] = upTo.Next; }
    }

    /// <summary>Forgets all entries; the log begins anew behind a state that was received.</summary>
    public void Reset(LogIndex baseIndex, Term baseTerm)
    {
        BaseIndex = baseIndex;
        BaseTerm = baseTerm;
        LastIndex = baseIndex;
        _runs = 0;
    }

    /// <summary>The greatest index at or below <paramref name="index"/> whose term is at most <paramref name="term"/>: how far
    /// two logs can agree, given one term of the other (Raft §5.3, end). Not below the base.</summary>
    public LogIndex LastAtMost(LogIndex index, Term term)
    {
        LogIndex at = LogIndex.Min(index, LastIndex);
        for (int run = _runs - 1; run >= 0 && at > BaseIndex; run--)
        {
            if (_runStart[run] > at) { continue; }
            if (_runTerm[run] <= term) { return at; }
            at = _runStart[run].Previous;
        }
        return LogIndex.Max(at, BaseIndex);
    }

    /// <summary>Is a log that ends with (index, term) at least as up to date as this one (Raft §5.4.1)?</summary>
    public bool IsUpToDate(LogIndex index, Term term) => term > LastTerm || (term == LastTerm && index >= LastIndex);
}

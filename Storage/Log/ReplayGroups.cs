using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>Rebuilds the groups' indexes from the records, in log order.
/// <para>Entries of a group come in order of index, but for those that the cleaner copied: the log may begin with entries 8 to 20
/// and have the copy of 7 behind them, followed by the record that the base is 6. So copies below what is there are kept aside
/// and put in front at the end, when the base is known. A live entry is never missing: a gap means lost batches.</para></summary>
internal sealed class ReplayGroups(DiskLog log, IReplaySink sink)
{
    private sealed class State(LogGroup group)
    {
        public LogGroup Group { get; } = group;
        public bool HasBase { get; set; }
        public ulong Base { get; set; }
        public ulong BaseTerm { get; set; }
        public bool HasGap { get; set; }

        /// <summary>Copies of entries below the group's first one.</summary>
        public SortedDictionary<ulong, IndexEntry> Aside { get; } = [];
    }

    private readonly Dictionary<PgId, State> _states = [];

    public void OnEntry(in LogRecord record, in IndexEntry entry, ulong segment, LogLocation payloadAt)
    {
        State state = StateOf(record.Group, record.Incarnation, record.Index - 1);
        LogGroup group = state.Group;
        if (record.Incarnation < group.Incarnation || (state.HasBase && record.Index <= state.Base)) { return; }
        if (record.Incarnation > group.Incarnation) { Restart(state, record.Incarnation, record.Index - 1); }
        bool copy = (record.Flags & LogRecordFlags.Copy) != 0;
        if (copy) { OnCopy(state, record.Index, in entry); }
        else { OnNew(state, record.Index, in entry); }
        log.AddSpan(group, record.Index, segment);
        sink.OnEntry(new ReplayedEntry
        {
            Group = record.Group,
            Incarnation = record.Incarnation,
            Index = record.Index,
            Term = record.Term,
            Kind = record.EntryKind,
            Header = record.EntryHeader,
            Crcs = MemoryMarshal.Cast<byte, uint>(record.CrcBytes),
            PayloadBytes = record.PayloadBlocks * Units.BlockBytes,
            PayloadAt = payloadAt,
            IsCopy = copy,
        });
    }

    public void OnGroupRecord(in LogRecord record, ulong segment)
    {
        State state = StateOf(record.Group, record.Incarnation, record.Index);
        LogGroup group = state.Group;
        if (record.Incarnation < group.Incarnation) { return; }
        if (record.Kind is LogRecordKind.GroupRemove)
        {
            _ = _states.Remove(record.Group);
            log.RemoveGroup(group);
            return;
        }
        if (record.Incarnation > group.Incarnation || record.Kind is LogRecordKind.GroupReset)
        {
            Restart(state, record.Incarnation, record.Index);
        }
        (state.HasBase, state.Base, state.BaseTerm) = (true, record.Index, record.Term);
        group.BaseSegment = segment;
        while (state.Aside.Count > 0 && FirstKey(state.Aside) <= record.Index) { _ = state.Aside.Remove(FirstKey(state.Aside)); }
        if (group.Count == 0 || record.Index >= group.LastIndex) { group.Reset(group.Incarnation, record.Index, record.Term); }
        else if (record.Index >= group.BaseIndex) { group.DropUpTo(record.Index, record.Term); }
        if (record.Kind is LogRecordKind.GroupReset)
        {
            state.HasGap = false;
            sink.OnGroupReset(record.Group, record.Incarnation, record.Index, record.Term);
        }
    }

    /// <summary>All records are in: joins what was set aside and checks that nothing is missing.</summary>
    public void Finish(bool allDamaged)
    {
        foreach (PgId id in log.Groups)
        {
            State state = _states[id];
            LogGroup group = state.Group;
            JoinAside(state);
            ulong firstMissing = state.Base + 1;
            if (!state.HasBase) { state.HasGap = true; }
            else if (group.BaseIndex == state.Base) { group.DropUpTo(state.Base, state.BaseTerm); }
            else
            {
                group.Reset(group.Incarnation, state.Base, state.BaseTerm);
                state.HasGap = true;
            }
            if (state.HasGap)
            {
                ulong index = group.Count > 0 ? group.LastIndex + 1 : firstMissing;
                sink.OnCorruption(new LogCorruption(LogCorruptionKind.GroupGap, id, 0, 0, index, 0));
            }
            group.IsDamaged = allDamaged || state.HasGap;
        }
    }

    private State StateOf(PgId id, ulong incarnation, ulong provisionalBase)
    {
        if (_states.TryGetValue(id, out State? state)) { return state; }
        state = new State(log.AddGroup(id, incarnation, provisionalBase, 0));
        _states.Add(id, state);
        return state;
    }

    /// <summary>A newer incarnation, or a reset: nothing of what was there counts.</summary>
    private static void Restart(State state, ulong incarnation, ulong provisionalBase)
    {
        state.Group.Reset(incarnation, provisionalBase, 0);
        state.Aside.Clear();
        state.HasBase = false;
    }

    private static void OnNew(State state, ulong index, in IndexEntry entry)
    {
        LogGroup group = state.Group;
        while (state.Aside.Count > 0 && LastKey(state.Aside) >= index) { _ = state.Aside.Remove(LastKey(state.Aside)); }
        if (group.Count == 0 || index <= group.BaseIndex) { group.Reset(group.Incarnation, index - 1, 0); }
        if (index > group.LastIndex + 1)
        {
            state.HasGap = true; // what is there stays a good beginning of the group's log
            return;
        }
        group.CutFrom(index);
        group.Push(in entry);
    }

    private static void OnCopy(State state, ulong index, in IndexEntry entry)
    {
        LogGroup group = state.Group;
        if (group.Count == 0)
        {
            group.Reset(group.Incarnation, index - 1, 0);
            group.Push(in entry);
        }
        else if (index <= group.BaseIndex) { state.Aside[index] = entry; }
        else if (index == group.LastIndex + 1) { group.Push(in entry); }
        else if (group.Holds(index) && group[index].Term == entry.Term) { group[index] = entry; }
        else { state.HasGap = true; }
    }

    private static void JoinAside(State state)
    {
        LogGroup group = state.Group;
        while (state.Aside.Count > 0)
        {
            ulong index = LastKey(state.Aside);
            if (group.Count == 0) { group.Reset(group.Incarnation, index, 0); }
            if (index != group.BaseIndex) { return; } // a gap
            group.PushFront(state.Aside[index]);
            _ = state.Aside.Remove(index);
        }
    }

    private static ulong FirstKey(SortedDictionary<ulong, IndexEntry> aside)
    {
        SortedDictionary<ulong, IndexEntry>.KeyCollection.Enumerator keys = aside.Keys.GetEnumerator();
        _ = keys.MoveNext();
        return keys.Current;
    }

    private static ulong LastKey(SortedDictionary<ulong, IndexEntry> aside)
    {
        ulong last = 0;
        foreach (ulong key in aside.Keys) { last = key; }
        return last;
    }
}

using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>Rebuilds the groups' indexes from the records, in log order.
/// <para>Entries of a group come in order of index, but for those that the cleaner copied. The log may begin with 6 and 7, then
/// have the copy of 5, then 8, then the copies of 6 and 7: what is live in the end, read from some later segment on, can be
/// in any order. So there is one run without gaps, which new entries continue, and copies that do not join it are kept aside
/// until the end, when the base is known. A live entry is never missing: a gap that stays means lost batches.</para></summary>
internal sealed class ReplayGroups(DiskLog log, IReplaySink sink)
{
    private sealed class State(LogGroup group)
    {
        public LogGroup Group { get; } = group;
        public bool HasBase { get; set; }
        public ulong Base { get; set; }
        public ulong BaseTerm { get; set; }
        public bool HasGap { get; set; }

        /// <summary>Copies that do not join the run; few.</summary>
        public SortedList<ulong, IndexEntry> Aside { get; } = [];
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
        while (state.Aside.Count > 0 && state.Aside.GetKeyAtIndex(0) <= record.Index) { state.Aside.RemoveAt(0); }
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
            if (!state.HasBase || state.Aside.Count > 0) { state.HasGap = true; }
            if (state.HasBase && group.BaseIndex == state.Base) { group.DropUpTo(state.Base, state.BaseTerm); }
            else if (state.HasBase)
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
        while (state.Aside.Count > 0 && LastAside(state) >= index) { state.Aside.RemoveAt(state.Aside.Count - 1); }
        if (group.Count > 0 && index > group.LastIndex + 1)
        {
            // The entries between were written before the replay's start, so their copies follow; the run so far can only
            // be copies.
            for (ulong i = group.BaseIndex + 1; i <= group.LastIndex; i++) { state.Aside[i] = group[i]; }
            group.Reset(group.Incarnation, index - 1, 0);
        }
        if (group.Count == 0 || index <= group.BaseIndex) { group.Reset(group.Incarnation, index - 1, 0); }
        group.CutFrom(index);
        group.Push(in entry);
    }

    private static void OnCopy(State state, ulong index, in IndexEntry entry)
    {
        LogGroup group = state.Group;
        if (group.Holds(index))
        {
            if (group[index].Term == entry.Term) { group[index] = entry; }
            else { state.HasGap = true; }
        }
        else if (group.Count > 0 && index == group.LastIndex + 1 && state.Aside.Count == 0) { group.Push(in entry); }
        else { state.Aside[index] = entry; }
    }

    private static void JoinAside(State state)
    {
        LogGroup group = state.Group;
        if (group.Count == 0 && state.Aside.Count > 0) { group.Reset(group.Incarnation, LastAside(state), 0); }
        while (TryTake(state, group.LastIndex + 1, out IndexEntry next)) { group.Push(in next); }
        while (TryTake(state, group.BaseIndex, out IndexEntry previous)) { group.PushFront(in previous); }
    }

    private static bool TryTake(State state, ulong index, out IndexEntry entry) =>
        state.Aside.TryGetValue(index, out entry) && state.Aside.Remove(index);

    private static ulong LastAside(State state) => state.Aside.GetKeyAtIndex(state.Aside.Count - 1);
}

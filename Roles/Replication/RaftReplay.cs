using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Replication;

/// <summary>Listens while the shard's log is opened and keeps the descriptions of the entries that it finds, so that groups can
/// be opened without reading them again. Given to DiskLog.OpenAsync, then to the <see cref="RaftHost"/>.</summary>
internal sealed class RaftReplay : IReplaySink
{
    private sealed class Found
    {
        public ulong Incarnation;

        /// <summary>Index of the first of <see cref="Entries"/>, minus one.</summary>
        public ulong Base;
        public readonly RingQueue<PendingEntry> Entries = new();
    }

    private readonly Dictionary<PgId, Found> _groups = [];
    private readonly List<LogCorruption> _corruptions = [];

    /// <summary>Damage that was found, in log order.</summary>
    public IReadOnlyList<LogCorruption> Corruptions => _corruptions;

    public void OnGroupReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm)
    {
        Found found = GetOrAdd(group);
        found.Entries.Clear();
        found.Incarnation = incarnation;
        found.Base = baseIndex;
    }

    public void OnEntry(in ReplayedEntry entry)
    {
        Found found = GetOrAdd(entry.Group);
        if (found.Entries.IsEmpty && entry.Index > found.Base + 1) { found.Base = entry.Index - 1; }
        found.Incarnation = entry.Incarnation;
        if (entry.Index <= found.Base || entry.Index > found.Base + (ulong)found.Entries.Count + 1) { return; }
        int at = (int)(entry.Index - found.Base - 1);
        if (entry.IsCopy && at < found.Entries.Count)
        {
            found.Entries[at].PayloadAt = entry.PayloadAt;
            return;
        }
        while (found.Entries.Count > at) { _ = found.Entries.PopBack(); }
        PendingEntry pending = new()
        {
            Term = new Term(entry.Term),
            Kind = (EntryKind)entry.Kind,
            PayloadBytes = entry.PayloadBytes,
            PayloadAt = entry.PayloadAt,
        };
        pending.SetBytes(new byte[PendingEntry.BytesFor(entry.Header.Length, entry.Crcs.Length)], entry.Header, entry.Crcs);
        found.Entries.PushBack(pending);
    }

    public void OnCorruption(in LogCorruption corruption) => _corruptions.Add(corruption);

    /// <summary>Takes an entry's description out.</summary>
    /// <returns>False when none with this incarnation, index and term was seen.</returns>
    internal bool TryTake(PgId group, ulong incarnation, LogIndex index, Term term, out PendingEntry entry)
    {
        entry = default;
        if (!_groups.TryGetValue(group, out Found? found) || found.Incarnation != incarnation) { return false; }
        if (index.Value <= found.Base || index.Value - found.Base > (ulong)found.Entries.Count) { return false; }
        entry = found.Entries[(int)(index.Value - found.Base - 1)];
        return entry.Term == term;
    }

    /// <summary>The group was opened or removed: its descriptions are not needed any more.</summary>
    internal void Forget(PgId group) => _ = _groups.Remove(group);

    private Found GetOrAdd(PgId group)
    {
        if (!_groups.TryGetValue(group, out Found? found))
        {
            found = new Found();
            _groups.Add(group, found);
        }
        return found;
    }
}

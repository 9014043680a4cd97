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

        /// <summary>By index. The log's cleaner may have copied entries, so that they come in any order.</summary>
        public readonly SortedList<ulong, PendingEntry> Entries = [];
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
    }

    public void OnEntry(in ReplayedEntry entry)
    {
        Found found = GetOrAdd(entry.Group);
        found.Incarnation = entry.Incarnation;
        // A new entry cuts off everything from its index on; a copy only takes the place of the same entry.
        for (int last = found.Entries.Count - 1; !entry.IsCopy && last >= 0 && found.Entries.GetKeyAtIndex(last) >= entry.Index; last--)
        {
            found.Entries.RemoveAt(last);
        }
        PendingEntry pending = new()
        {
            Term = new Term(entry.Term),
            Kind = (EntryKind)entry.Kind,
            PayloadBytes = entry.PayloadBytes,
            PayloadAt = entry.PayloadAt,
        };
        pending.SetBytes(new byte[PendingEntry.BytesFor(entry.Header.Length, entry.Crcs.Length)], entry.Header, entry.Crcs);
        found.Entries[entry.Index] = pending;
    }

    public void OnCorruption(in LogCorruption corruption) => _corruptions.Add(corruption);

    /// <summary>Takes an entry's description out.</summary>
    /// <returns>False when none with this incarnation, index and term was seen.</returns>
    internal bool TryTake(PgId group, ulong incarnation, LogIndex index, Term term, out PendingEntry entry)
    {
        entry = default;
        if (!_groups.TryGetValue(group, out Found? found) || found.Incarnation != incarnation) { return false; }
        return found.Entries.TryGetValue(index.Value, out entry) && entry.Term == term;
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

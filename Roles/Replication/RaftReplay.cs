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

        /// <summary>The newest record of each index. What was cut off stays until the log says, at the end, what counts.</summary>
        public readonly Dictionary<ulong, PendingEntry> Entries = [];

        /// <summary>Indexes where a configuration was met; there may be another entry by now, or none.</summary>
        public readonly SortedSet<ulong> Configs = [];
    }

    private readonly Dictionary<PgId, Found> _groups = [];
    private readonly List<LogCorruption> _corruptions = [];

    /// <summary>Damage that was found, in log order.</summary>
    public IReadOnlyList<LogCorruption> Corruptions => _corruptions;

    public void OnGroupReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm)
    {
        Found found = GetOrAdd(group);
        if (incarnation < found.Incarnation) { return; }
        found.Entries.Clear();
        found.Incarnation = incarnation;
    }

    public void OnEntry(in ReplayedEntry entry)
    {
        Found found = GetOrAdd(entry.Group);
        if (entry.Incarnation < found.Incarnation) { return; }
        if (entry.Incarnation > found.Incarnation)
        {
            found.Entries.Clear();
            found.Incarnation = entry.Incarnation;
        }
        PendingEntry pending = new()
        {
            Term = new Term(entry.Term),
            Kind = (EntryKind)entry.Kind,
            PayloadBytes = entry.PayloadBytes,
            PayloadAt = entry.PayloadAt,
        };
        // A copy that the cleaner made is newer than the record it copies, so the last one met is always the right one.
        pending.SetBytes(new byte[PendingEntry.BytesFor(entry.Header.Length, entry.Crcs.Length)], entry.Header, entry.Crcs);
        found.Entries[entry.Index] = pending;
        if (pending.Kind == EntryKind.Config) { _ = found.Configs.Add(entry.Index); }
    }

    public void OnCorruption(in LogCorruption corruption) => _corruptions.Add(corruption);

    /// <summary>Takes an entry's description out.</summary>
    /// <returns>False when none with this incarnation, index and term was seen.</returns>
    internal bool TryTake(PgId group, ulong incarnation, LogIndex index, Term term, out PendingEntry entry)
    {
        entry = default;
        return _groups.TryGetValue(group, out Found? found) && found.Incarnation == incarnation &&
            found.Entries.TryGetValue(index.Value, out entry) && entry.Term == term;
    }

    /// <summary>Indexes in ascending order at which the group's log may hold a configuration.</summary>
    internal IReadOnlyCollection<ulong> ConfigsOf(PgId group) =>
        _groups.TryGetValue(group, out Found? found) ? found.Configs : [];

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

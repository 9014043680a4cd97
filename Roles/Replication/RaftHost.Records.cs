using System;
using Fastblock.Native.Base;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

// The groups' own records in the shard's log and key-value store.
internal sealed partial class RaftHost
{
    private long _unmarkedBytes;

    /// <returns>False = the log has no room now.</returns>
    internal bool TrySaveHardState(RaftGroup group, Term term, NodeId vote, ulong version)
    {
        Span<byte> value = stackalloc byte[GroupRecords.HardStateBytes];
        GroupRecords.EncodeHardState(value, group.Config.Incarnation, term, vote);
        _batch.Clear();
        bool fits = _batch.TryPut(group.HardStateKey, value);
        Invariant.Require(fits);
        Errno status = Kv.Commit(_batch, this, out ulong sequence);
        if (status != Errno.None) { return status is not (Errno.NoSpace or Errno.Again); }
        AddNote(new LogNote { Sequence = sequence, Group = group, Kind = LogNoteKind.HardState, Number = version });
        return true;
    }

    /// <summary>Entries of so many bytes were applied since the commit indexes were last written down. They are, now and then:
    /// a restarted node then knows at once what it may apply, and so what may leave the log.</summary>
    internal void OnApplied(long bytes)
    {
        _unmarkedBytes += bytes;
        if (_unmarkedBytes < DiskLog.TotalBytes / 16) { return; }
        _unmarkedBytes = 0;
        _batch.Clear();
        Span<byte> value = stackalloc byte[GroupRecords.CommitBytes];
        foreach (RaftGroup group in _groups.Values)
        {
            if (group.IsRecovering || group.Applied == group.MarkedCommit) { continue; }
            GroupRecords.EncodeCommit(value, group.Config.Incarnation, group.Applied);
            // What does not fit, or finds no room in the log, is marked next time.
            if (!_batch.TryPut(group.CommitKey, value)) { break; }
            group.MarkedCommit = group.Applied;
        }
        _ = Kv.Commit(_batch, listener: null, out _);
    }

    /// <summary>Marks the group's state as incomplete.</summary>
    /// <param name="lost">Acknowledged entries are gone: it may not vote either.</param>
    internal Errno SaveRecovery(RaftGroup group, bool lost, IProposalWaiter? done)
    {
        Span<byte> value = stackalloc byte[GroupRecords.RecoveryBytes];
        GroupRecords.EncodeRecovery(value, group.Config.Incarnation, lost);
        _batch.Clear();
        bool fits = _batch.TryPut(GroupRecords.RecoveryKey(group.Id), value);
        Invariant.Require(fits);
        Errno status = Kv.Commit(_batch, this, out ulong sequence);
        if (status != Errno.None) { return status == Errno.NoSpace ? Errno.Again : status; }
        AddNote(new LogNote { Sequence = sequence, Kind = LogNoteKind.Waiter, Waiter = done });
        return Errno.None;
    }

    /// <summary>The group's log begins anew behind a base, and its state is complete.</summary>
    internal Errno SaveBase(RaftGroup group, LogIndex index, Term term, IProposalWaiter? done)
    {
        Errno status = DiskLog.TryAppendReset(group.Id, group.Config.Incarnation, index.Value, term.Value, this, out ulong sequence);
        if (status == Errno.None)
        {
            // In this order: with the mark gone, the base must be there.
            _batch.Clear();
            bool fits = _batch.TryDelete(GroupRecords.RecoveryKey(group.Id));
            Invariant.Require(fits);
            status = Kv.Commit(_batch, this, out sequence);
        }
        if (status != Errno.None) { return status == Errno.NoSpace ? Errno.Again : status; }
        AddNote(new LogNote { Sequence = sequence, Kind = LogNoteKind.Waiter, Waiter = done });
        return Errno.None;
    }
}

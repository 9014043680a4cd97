using System;
using Fastblock.Native.Base;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

// The groups' own records in the shard's log and key-value store.
internal sealed partial class RaftHost
{
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

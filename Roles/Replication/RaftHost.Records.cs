using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

// The groups' own records in the shard's log and key-value store.
internal sealed partial class RaftHost
{
    private readonly List<RaftGroup> _unsavedLosses = [];
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
            if (!_batch.TryPut(group.CommitKey, value)) { break; }
        }
        int left = _batch.Count;
        // What did not fit, or found no room in the log, is marked next time.
        if (left == 0 || Kv.Commit(_batch, listener: null, out _) != Errno.None) { return; }
        foreach (RaftGroup group in _groups.Values)
        {
            if (left == 0) { return; }
            if (group.IsRecovering || group.Applied == group.MarkedCommit) { continue; }
            group.MarkedCommit = group.Applied;
            left--;
        }
    }

    /// <summary>Marks the group's state as incomplete.</summary>
    /// <param name="lost">Acknowledged entries are gone: it may not vote either.</param>
    /// <param name="cleaning">The log's cleaner waits for it: it may use the room that is kept for cleaning.</param>
    internal Errno SaveRecovery(RaftGroup group, bool lost, IProposalWaiter? done, bool cleaning = false)
    {
        Span<byte> value = stackalloc byte[GroupRecords.RecoveryBytes];
        GroupRecords.EncodeRecovery(value, group.Config.Incarnation, lost);
        _batch.Clear();
        bool fits = _batch.TryPut(GroupRecords.RecoveryKey(group.Id), value);
        Invariant.Require(fits);
        Errno status = Kv.Commit(_batch, this, out ulong sequence, cleaning);
        if (status != Errno.None) { return status == Errno.NoSpace ? Errno.Again : status; }
        AddNote(new LogNote { Sequence = sequence, Kind = LogNoteKind.Waiter, Waiter = done });
        return Errno.None;
    }

    /// <summary>The group has lost entries, and that is not written down yet. The log's cleaner, which found it, frees nothing
    /// before it is.</summary>
    internal void NoteLoss(RaftGroup group)
    {
        _unsavedLosses.Add(group);
        _ = SaveLosses();
    }

    public Errno SaveLosses()
    {
        while (_unsavedLosses.Count > 0)
        {
            RaftGroup group = _unsavedLosses[^1];
            // One that was supplied anew or removed meanwhile has lost nothing any more.
            if (FindGroup(group.Id) == group && group.IsCorrupted)
            {
                Errno status = SaveRecovery(group, lost: true, done: null, cleaning: true);
                if (status != Errno.None) { return status; }
            }
            _unsavedLosses.RemoveAt(_unsavedLosses.Count - 1);
        }
        return Errno.None;
    }

    /// <summary>What the log's replay found lost becomes a durable mark of every group concerned, and only then the damage in the
    /// log is acknowledged: from the next start on only groups that nobody has repaired since count as damaged. A crash in
    /// between only repeats it. To be called before groups are opened or created.</summary>
    /// <returns>None, or the log's failure.</returns>
    public async ReactorTask<Errno> SettleDamageAsync()
    {
        foreach (StoredGroup stored in _stored)
        {
            if (!stored.LostLog) { continue; }
            Errno marked;
            while ((marked = MarkLost(stored)) == Errno.Again) { await Reactor.Delay(Units.NanosPerMilli); }
            if (marked == Errno.NoSpace) { return NotSettled("the log has no room for the marks"); }
            if (marked != Errno.None) { return marked; }
        }
        if (!DiskLog.IsDamaged) { return Errno.None; }
        Errno status = await DiskLog.WaitDurableAsync(DiskLog.LastSequence);
        if (status == Errno.None) { status = await DiskLog.AcknowledgeDamageAsync(); }
        return status == Errno.NoSpace ? NotSettled("it has too many gaps") : status;
    }

    private Errno NotSettled(string why)
    {
        Log.Warn($"the damage in the log is not settled ({why}): the next start takes all groups for damaged again");
        return Errno.None;
    }

    private Errno MarkLost(StoredGroup stored)
    {
        byte[] key = GroupRecords.RecoveryKey(stored.Id);
        ulong incarnation = stored.Config.Incarnation;
        if (Kv.TryGet(key, out ReadOnlySpan<byte> mark) && GroupRecords.IsRecoveryOf(mark, incarnation, out bool lost) && lost)
        {
            return Errno.None;
        }
        Span<byte> value = stackalloc byte[GroupRecords.RecoveryBytes];
        GroupRecords.EncodeRecovery(value, incarnation, lost: true);
        _batch.Clear();
        bool fits = _batch.TryPut(key, value);
        Invariant.Require(fits);
        return Kv.Commit(_batch, listener: null, out _, cleaning: true);
    }

    /// <summary>The group's log begins anew behind a base, and its state is complete.</summary>
    /// <param name="noVoteBelow">Default = it may vote at once.</param>
    internal Errno SaveBase(RaftGroup group, LogIndex index, Term term, LogIndex noVoteBelow, IProposalWaiter? done)
    {
        Errno status = DiskLog.TryAppendReset(group.Id, group.Config.Incarnation, index.Value, term.Value, this, out ulong sequence);
        if (status == Errno.None)
        {
            // In this order: with the mark gone, the base must be there.
            _batch.Clear();
            Span<byte> noVote = stackalloc byte[GroupRecords.NoVoteBytes];
            GroupRecords.EncodeNoVote(noVote, group.Config.Incarnation, noVoteBelow);
            bool fits = noVoteBelow > index
                ? _batch.TryPut(GroupRecords.RecoveryKey(group.Id), noVote)
                : _batch.TryDelete(GroupRecords.RecoveryKey(group.Id));
            Invariant.Require(fits);
            status = Kv.Commit(_batch, this, out sequence);
        }
        if (status != Errno.None) { return status == Errno.NoSpace ? Errno.Again : status; }
        AddNote(new LogNote { Sequence = sequence, Kind = LogNoteKind.Waiter, Waiter = done });
        return Errno.None;
    }
}

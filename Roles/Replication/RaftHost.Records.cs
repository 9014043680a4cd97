using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Replication;

// The groups' own records in the shard's log and key-value store.
internal sealed partial class RaftHost
{
    private readonly List<RaftGroup> _unsavedLosses = [];
    private long _unmarkedBytes;
    private bool _raisesTerms;

    /// <returns>False = not now: the log has no room, or the shard's ceiling of terms has to be raised first.</returns>
    internal bool TrySaveHardState(RaftGroup group, Term term, NodeId vote, ulong version)
    {
        if (term.Value > DiskLog.TermCeiling)
        {
            RaiseTerms(term.Value);
            return false;
        }
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

    // The ceiling of terms. A term and a vote that were durable can be lost to damage in the log, and with them the promises that
    // were made in that term: not to vote twice in it, and to acknowledge nothing of an older leader. No replica of the shard
    // is ever in a term above the ceiling, which lies outside of the log: a term is said to be durable, and anything answered in
    // it, only after the ceiling has reached it. So all that a damaged replica can have promised and forgotten was promised
    // at or below the ceiling; there it begins again, with the vote given away (to itself, who never campaigns in it):
    //   - it votes in no term in which it may have voted: only above the ceiling;
    //   - it acknowledges to no leader older than one that it may have voted for. An older leader hears of the ceiling and
    //     steps down, and the next one is elected above it, by a majority to which this replica does not belong: it votes again
    //     only when a hand-over has ended. Of the voters of every earlier term so many are in that majority that its leader
    //     has everything that was committed, what this replica has lost included.
    // The two others of a group of three are enough for that election, so one damaged replica stops nothing for longer than it takes.

    private void RaiseTerms(ulong term)
    {
        if (_raisesTerms || Failure != Errno.None) { return; }
        _raisesTerms = true;
        RaiseTermsAsync(term).Start();
    }

    private async ReactorTask RaiseTermsAsync(ulong term)
    {
        Reached.Mark("replication: ceiling of terms raised");
        Errno status = await DiskLog.RaiseTermCeilingAsync(CeilingFor(term));
        _raisesTerms = false;
        if (status != Errno.None) { OnLogFailed(status); } else { RetryHardStates(); }
    }

    private static ulong CeilingFor(ulong term) => Math.Max(term, Math.Min(term + ReplicationLimits.TermStep, RaftLimits.MaxNumber));

    /// <summary>The highest term that the group's records tell of.</summary>
    private ulong KnownTerm(PgId id, ulong incarnation)
    {
        ulong known = 0;
        if (DiskLog.TryGetGroup(id, out LogGroupInfo info)) { _ = DiskLog.TryGetTerm(id, info.LastIndex, out known); }
        bool hasState = Kv.TryGet(GroupRecords.HardStateKey(id), out ReadOnlySpan<byte> hard)
            & GroupRecords.TryDecodeHardState(hard, incarnation, out Term term, out _);
        return hasState ? Math.Max(known, term.Value) : known;
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
        // The log may be gone before the state is complete: from now on the replica votes as if it ended where it ends now.
        Span<byte> value = stackalloc byte[GroupRecords.RecoveryBytes];
        GroupRecords.EncodeRecovery(value, group.Config.Incarnation, new GroupRecovery(IsIncomplete: true, lost, group.VoteEnd));
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
        ulong highest = 0;
        foreach (StoredGroup stored in _stored) { highest = Math.Max(highest, KnownTerm(stored.Id, stored.Config.Incarnation)); }
        if (highest > DiskLog.TermCeiling)
        {
            // Made before there was a ceiling, or an entry came to be durable before its term.
            Errno raised = await DiskLog.RaiseTermCeilingAsync(CeilingFor(highest));
            if (raised != Errno.None) { return raised; }
        }
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
        return status == Errno.NoSpace ? NotSettled("the log has no room for what is known") : status;
    }

    private Errno NotSettled(string why)
    {
        Log.Warn($"the damage in the log is not settled ({why}): the next start takes all groups for damaged again");
        return Errno.None;
    }

    /// <summary>Together with the mark: a term and a vote in place of those that may be lost (see above), so that they count as
    /// long as the replica exists and not only until it was supplied anew.</summary>
    private Errno MarkLost(StoredGroup stored)
    {
        byte[] key = GroupRecords.RecoveryKey(stored.Id);
        ulong incarnation = stored.Config.Incarnation;
        bool isMarked = Kv.TryGet(key, out ReadOnlySpan<byte> mark)
            & GroupRecords.TryDecodeRecovery(mark, incarnation, default, out GroupRecovery recovery) & recovery.LostLog;
        // Damage that nobody has acknowledged yet may have come after the mark.
        bool isNew = DiskLog.IsDamaged || (DiskLog.TryGetGroup(stored.Id, out LogGroupInfo info) && info.Damaged);
        if (isMarked && !isNew) { return Errno.None; }
        Span<byte> value = stackalloc byte[GroupRecords.RecoveryBytes];
        GroupRecords.EncodeRecovery(value, incarnation, new GroupRecovery(IsIncomplete: true, LostLog: true, stored.VoteFloor));
        Span<byte> hard = stackalloc byte[GroupRecords.HardStateBytes];
        GroupRecords.EncodeHardState(hard, incarnation, new Term(DiskLog.TermCeiling), Options.Self);
        _batch.Clear();
        bool fits = _batch.TryPut(key, value) && _batch.TryPut(GroupRecords.HardStateKey(stored.Id), hard);
        Invariant.Require(fits);
        return Kv.Commit(_batch, listener: null, out _, cleaning: true);
    }

    /// <summary>The group's log begins anew behind a base, and its state is complete.</summary>
    /// <param name="start">With members.</param>
    /// <param name="voteFloor">Default = it votes by what its log holds.</param>
    internal Errno SaveBase(RaftGroup group, GroupBase start, LogEnd voteFloor, IProposalWaiter? done)
    {
        ulong incarnation = group.Config.Incarnation;
        Errno status = DiskLog.TryAppendReset(group.Id, incarnation, start.Index.Value, start.Term.Value, this, out ulong sequence);
        if (status == Errno.None)
        {
            // In this order: with the mark gone, the base must be there.
            _batch.Clear();
            Span<byte> value = stackalloc byte[GroupRecords.RecoveryBytes];
            GroupRecords.EncodeRecovery(value, incarnation, new GroupRecovery(false, false, voteFloor));
            bool fits = voteFloor != default
                ? _batch.TryPut(GroupRecords.RecoveryKey(group.Id), value)
                : _batch.TryDelete(GroupRecords.RecoveryKey(group.Id));
            fits &= _batch.TryPut(GroupRecords.ConfigKey(group.Id), GroupRecords.EncodeConfig(incarnation, start.Members!, start.MembersSince));
            Invariant.Require(fits);
            status = Kv.Commit(_batch, this, out sequence);
        }
        if (status != Errno.None) { return status == Errno.NoSpace ? Errno.Again : status; }
        AddNote(new LogNote { Sequence = sequence, Kind = LogNoteKind.Waiter, Waiter = done });
        return Errno.None;
    }
}

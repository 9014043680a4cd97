using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Replication;

// What a step of the Raft node asks for: its term and vote, messages, entries for the log. Nothing in here calls the role,
// Reserve and OnDropped apart.
internal sealed partial class RaftGroup
{
    private Effects BeginStep()
    {
        Effects effects = _host.Effects;
        effects.Clear();
        return effects;
    }

    private void EndStep(Effects effects)
    {
        if (effects.MembersChanged) { UsePeers(); } // first of all: whatever follows counts by them
        // Before anything of a newer term can be said: the answer to the next merged heartbeat tells that we left.
        if (_followLink != null && (_node.Leader != _followLink.Id || _node.Term != _followTerm)) { LeaveFollowedSlot(); }
        SaveHardStateOf(effects);
        if (effects.NoOpIndex != default) { AppendNoOp(effects); }
        while (effects.Messages.TryPopFront(out RaftMessage message)) { Send(in message); }
        while (effects.Reads.TryPopFront(out ReadOutcome outcome))
        {
            IReadWaiter waiter = _unconfirmedReads.PopFront();
            _confirmedReads.PushBack(new ConfirmedRead { Waiter = waiter, Index = outcome.Index, Failed = !outcome.Confirmed });
        }
        while (effects.HandOvers.TryPopFront(out NodeId peer)) { _handOvers.PushBack(peer); }
        if (effects.LeadershipChanged && !_node.IsLeader) { RemoveSlots(); }
        _leaveDue |= effects.LeaveDue;
        _sendDue |= effects.SendDue;
        if (effects.Violation) { OnViolation(); }
        if (effects.LeadershipChanged || effects.CommitMoved || effects.SendDue || effects.LeaveDue || !_confirmedReads.IsEmpty || !_handOvers.IsEmpty)
        {
            _host.MarkReady(this);
        }
        TendSeeking(_host.Reactor.NowNanos);
        Arm();
    }

    private void OnViolation()
    {
        Violations++;
        _host.Log.Warn($"group {Id}: a peer's message contradicts what is known (log damaged there?); ignored");
    }

    private void SaveHardStateOf(Effects effects)
    {
        if (!effects.HardStateChanged) { return; }
        effects.HardStateChanged = false;
        SaveHardState();
    }

    /// <summary>Makes the present term and vote durable; when the log is full, as soon as it has room.</summary>
    internal void SaveHardState()
    {
        if (_isClosed || _node.IsHardStateDurable) { return; }
        if (!_host.TrySaveHardState(this, _node.Term, _node.Vote, _node.HardStateVersion)) { _host.RetryHardState(this); }
    }

    private void AppendNoOp(Effects effects)
    {
        LogIndex index = effects.NoOpIndex;
        PendingEntry entry = new() { Term = _node.Term, Kind = EntryKind.NoOp };
        if (Append(index, ref entry, default, default, null, 0) == Errno.None) { return; }
        _host.Log.Warn($"group {Id}: no room for the first entry of a leader; steps down");
        effects.NoOpIndex = default;
        _node.OnAppendRefused(index, _host.Reactor.NowNanos, effects);
    }

    private void AppendReceived(in RaftMessage message, ReadOnlySpan<ReceivedEntry> entries, in RaftFrameReader frame,
        PooledBuffer? payload, long now, Effects effects)
    {
        int first = (int)(effects.AppendFrom - message.Index) - 1;
        for (int i = first; i < entries.Length; i++)
        {
            ref readonly ReceivedEntry received = ref entries[i];
            LogIndex index = message.Index + (ulong)i + 1;
            ReadOnlySpan<uint> crcs = frame.Crcs(in received);
            PendingEntry entry = new() { Term = received.Term, Kind = received.Kind, PayloadBytes = received.PayloadBytes };
            Errno status = Verify(in received, crcs, payload)
                ? Append(index, ref entry, frame.Header(in received), crcs, payload, received.PayloadOffset)
                : Errno.BadMessage;
            if (status == Errno.None) { continue; }
            if (status == Errno.BadMessage) { _host.Log.Warn($"group {Id}: entry {index} arrived with wrong checksums; refused"); }
            _node.OnAppendRefused(index, now, effects);
            if (status == Errno.Again) { _host.TellWhenRoom(this); }
            return;
        }
    }

    /// <summary>The log has room again after it refused entries.</summary>
    internal void OnLogRoom()
    {
        if (_isClosed) { return; }
        Effects effects = BeginStep();
        _node.OnRoom(effects);
        EndStep(effects);
    }

    /// <summary>No block reaches the log that is not what the leader has.</summary>
    private static bool Verify(in ReceivedEntry entry, ReadOnlySpan<uint> crcs, PooledBuffer? payload)
    {
        for (int block = 0; block < crcs.Length; block++)
        {
            ReadOnlySpan<byte> bytes = payload!.Span(entry.PayloadOffset + (block * Units.BlockBytes), Units.BlockBytes);
            if (Crc32C.Compute(bytes) != crcs[block]) { return false; }
        }
        return true;
    }

    /// <summary>Room, log, and the list of what is to be applied.</summary>
    private Errno Append(LogIndex index, ref PendingEntry entry, ReadOnlySpan<byte> header, ReadOnlySpan<uint> crcs,
        PooledBuffer? payload, int payloadOffset)
    {
        Invariant.Require(index - _applied == (ulong)_pending.Count + 1);
        // Entries that are not applied cannot leave the log. Were it full of them, not even those of a newer leader that
        // replace them would find room.
        if (!_host.TakesUnapplied(_node.IsLeader, entry.Kind)) { return Errno.Again; }
        EntryView view = new()
        {
            Index = index,
            Term = entry.Term,
            Kind = entry.Kind,
            Header = header,
            PayloadBytes = entry.PayloadBytes,
        };
        if (entry.Kind == EntryKind.Data)
        {
            Errno room = Machine.Reserve(in view);
            if (room != Errno.None) { return room; }
        }
        EntryRecord record = new()
        {
            Group = Id,
            Incarnation = Config.Incarnation,
            Index = index.Value,
            Term = entry.Term.Value,
            Kind = (byte)entry.Kind,
            Header = header,
            Crcs = crcs,
        };
        Errno status = _host.DiskLog.TryAppendEntry(
            in record, payload, payloadOffset, entry.PayloadBytes, _host, out ulong sequence, out LogLocation at);
        if (status != Errno.None)
        {
            if (entry.Kind == EntryKind.Data) { Machine.OnDropped(in view); }
            return status == Errno.NoSpace ? Errno.Again : status; // a full log is cleaned, a full store is not
        }
        entry.PayloadAt = at;
        entry.SetBytes(_host.Bytes.Rent(PendingEntry.BytesFor(header.Length, crcs.Length)), header, crcs);
        Account(Cost(in entry));
        _pending.PushBack(entry);
        _host.AddNote(new LogNote
        {
            Sequence = sequence,
            Group = this,
            Kind = LogNoteKind.Entry,
            Number = index.Value,
            Term = entry.Term,
        });
        return Errno.None;
    }

    /// <summary>What the entry takes of the log: alone in a batch it costs a block for its description.</summary>
    private static long Cost(in PendingEntry entry) => entry.PayloadBytes + Units.BlockBytes;

    private void Account(long bytes)
    {
        _uncommittedBytes += bytes;
        _host.UnappliedBytes += bytes;
    }

    /// <summary>A newer leader cut the log off.</summary>
    private void CutOff(LogIndex from)
    {
        _host.VoidNotes(this, from);
        DropPending(from);
    }

    private void DropPending(LogIndex from)
    {
        while (!_pending.IsEmpty && _applied + (ulong)_pending.Count >= from)
        {
            LogIndex index = _applied + (ulong)_pending.Count;
            PendingEntry entry = _pending.PopBack();
            Account(-Cost(in entry));
            if (entry.Waiter is { } waiter) { _dropped.PushBack((waiter, index)); }
            if (entry.Kind == EntryKind.Data) { Machine.OnDropped(entry.View(index)); }
            _host.Bytes.Return(entry.Bytes);
        }
    }
}

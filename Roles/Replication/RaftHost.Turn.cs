using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

// What happens when: the turn in the run phase, durable notes, timers, and what the log's cleaner asks.
internal sealed partial class RaftHost
{
    /// <summary>How long the cleaner waits for a role to persist what a segment holds; then the entries are copied instead.</summary>
    private const long ReleaseWaitNanos = 200 * Units.NanosPerMilli;

    /// <summary>When an entry is asked for again that could not be read back for want of a reader or a buffer.</summary>
    private const long ReadRetryNanos = Units.NanosPerMilli;

    private sealed class Turn(RaftHost host) : IRunnable
    {
        public bool IsQueued;

        public void Run()
        {
            IsQueued = false;
            host.RunTurn();
        }
    }

    private sealed class RoomWaiter(RaftHost host) : IRunnable
    {
        public bool IsQueued;

        public void Run()
        {
            IsQueued = false;
            host.OnLogRoom();
        }
    }

    private readonly Turn _turn;
    private readonly RoomWaiter _room;
    private readonly CallbackTimer _beatTimer;
    private readonly RingQueue<LogNote> _notes = new(256);
    private readonly List<RaftGroup> _touched = [];
    private readonly List<RaftGroup> _unsavedHardStates = [];
    private readonly List<RaftGroup> _refusing = [];
    private readonly List<ReleaseWait> _releaseWaits = [];
    private readonly Stack<ReleaseWait> _freeReleaseWaits = new();
    private readonly Stack<CatchUpReader> _freeReaders = new();
    private readonly List<RaftGroup> _readLater = [];
    private readonly CallbackTimer _readTimer;
    private readonly HeartbeatChange[] _changes = new HeartbeatChange[HeartbeatSender.MaxChanges];
    private readonly byte[] _beatBytes = new byte[HeartbeatFrames.MaxBytes];
    private List<RaftGroup> _ready = [];
    private List<RaftGroup> _running = [];
    private List<PeerLink> _pendingLinks = [];
    private List<PeerLink> _flushing = [];
    private int _readers;

    /// <summary>The group has something to do in the coming turn.</summary>
    internal void MarkReady(RaftGroup group)
    {
        if (group.IsReadyQueued) { return; }
        group.IsReadyQueued = true;
        _ready.Add(group);
        QueueTurn();
    }

    /// <summary>The link has messages that go out at the end of the turn.</summary>
    internal void OnLinkPending(PeerLink link)
    {
        if (link.IsPendingQueued) { return; }
        link.IsPendingQueued = true;
        _pendingLinks.Add(link);
        QueueTurn();
    }

    private void QueueTurn()
    {
        if (_turn.IsQueued) { return; }
        _turn.IsQueued = true;
        Reactor.Enqueue(_turn);
    }

    private void RunTurn()
    {
        // What becomes ready meanwhile (a role proposes from within Apply's aftermath) is served by the next turn.
        (_running, _ready) = (_ready, _running);
        foreach (RaftGroup group in _running)
        {
            group.IsReadyQueued = false;
            group.RunTurn();
        }
        _running.Clear();
        (_flushing, _pendingLinks) = (_pendingLinks, _flushing);
        foreach (PeerLink link in _flushing)
        {
            link.IsPendingQueued = false;
            link.Flush();
        }
        _flushing.Clear();
    }

    // ---- durability ----

    internal void AddNote(in LogNote note)
    {
        Invariant.Require(_notes.IsEmpty || _notes[_notes.Count - 1].Sequence <= note.Sequence);
        _notes.PushBack(note);
    }

    /// <summary>Entries of the group from <paramref name="from"/> on were cut off: their durability means nothing any more, also
    /// when the same index and term is appended again later.</summary>
    internal void VoidNotes(RaftGroup group, LogIndex from)
    {
        for (int i = 0; i < _notes.Count; i++)
        {
            ref LogNote note = ref _notes[i];
            if (note.Group == group && note.Kind == LogNoteKind.Entry && note.Number >= from.Value)
            {
                note.Kind = LogNoteKind.Void;
                note.Group = null;
            }
        }
    }

    public void OnLogDurable(ulong sequence)
    {
        if (Failure != Errno.None) { return; }
        while (!_notes.IsEmpty && _notes[0].Sequence <= sequence)
        {
            LogNote note = _notes.PopFront();
            switch (note.Kind)
            {
                case LogNoteKind.Entry:
                    if (note.Group!.OnEntryDurable(new LogIndex(note.Number), note.Term)) { _touched.Add(note.Group); }
                    break;
                case LogNoteKind.HardState:
                    note.Group!.OnHardStateDurable(note.Number);
                    break;
                case LogNoteKind.Members:
                    note.Group!.OnMembersSaved(new LogIndex(note.Number));
                    break;
                case LogNoteKind.Created:
                    note.Group!.BecomeDurable();
                    break;
                default:
                    break;
            }
            note.Waiter?.OnCommitted(default);
        }
        // One step per group for all its entries of the batch.
        foreach (RaftGroup group in _touched) { group.StepDurable(); }
        _touched.Clear();
    }

    public void OnLogFailed(Errno status)
    {
        if (Failure != Errno.None) { return; }
        Failure = status;
        Log.Error($"the shard's log has failed ({status}): nothing is acknowledged any more");
        Stop();
        OnFailed?.Invoke(status);
    }

    /// <summary>The log had no room for the group's term and vote: again as soon as it has.</summary>
    internal void RetryHardState(RaftGroup group)
    {
        if (!_unsavedHardStates.Contains(group)) { _unsavedHardStates.Add(group); }
        WaitForRoom();
    }

    /// <summary>The log had no room for entries of the group's leader: the group tells it as soon as there is some. The leader
    /// would ask again by itself, but only after a heartbeat interval.</summary>
    internal void TellWhenRoom(RaftGroup group)
    {
        if (!_refusing.Contains(group)) { _refusing.Add(group); }
        WaitForRoom();
    }

    private void WaitForRoom()
    {
        if (_room.IsQueued) { return; }
        _room.IsQueued = true;
        DiskLog.NotifyWhenRoom(_room);
    }

    private void OnLogRoom()
    {
        RetryHardStates();
        if (_refusing.Count == 0) { return; }
        if (!DiskLog.HasRoomForEntries || !TakesUnapplied(isLeader: false, EntryKind.Data))
        {
            if (Failure == Errno.None) { WaitForRoom(); } // a write has ended, but no room came of it
            return;
        }
        foreach (RaftGroup group in _refusing) { group.OnLogRoom(); }
        _refusing.Clear();
    }

    private void RetryHardStates()
    {
        if (_unsavedHardStates.Count == 0) { return; }
        RaftGroup[] groups = [.. _unsavedHardStates];
        _unsavedHardStates.Clear();
        foreach (RaftGroup group in groups) { group.SaveHardState(); }
    }

    public async ReactorTask<ulong> ReleaseUpToAsync(PgId group, ulong upTo)
    {
        if (FindGroup(group) is not { } open) { return 0; }
        LogIndex wanted = open.WantRelease(new LogIndex(upTo));
        // The role may need device writes of its own for it, but the log does not wait for long: it copies what is left.
        if (open.Released < wanted)
        {
            if (!_freeReleaseWaits.TryPop(out ReleaseWait? wait)) { wait = new ReleaseWait(Reactor); }
            _releaseWaits.Add(wait);
            await wait.WaitAsync(open, wanted, ReleaseWaitNanos);
            _ = _releaseWaits.Remove(wait);
            _freeReleaseWaits.Push(wait);
        }
        return open.TakeRelease(LogIndex.Min(wanted, new LogIndex(upTo))).Value;
    }

    /// <summary>A group lets entries go.</summary>
    internal void OnReleased(RaftGroup group)
    {
        foreach (ReleaseWait wait in _releaseWaits) { wait.OnReleased(group); }
    }

    public void OnEntryLost(PgId group, ulong index)
    {
        Log.Error($"group {group}: the log has lost entry {index} and those behind it");
        FindGroup(group)?.OnLogLost();
    }

    // ---- time ----

    /// <summary>The shard's heartbeat grid: loose deadlines are moved to it, so that an idle shard wakes up once per interval.</summary>
    internal long OnGrid(long nanos) => nanos - (nanos % Options.HeartbeatNanos);

    private void ArmBeat(long now) => Reactor.Arm(_beatTimer, OnGrid(now) + Options.HeartbeatNanos);

    private void OnBeatTimer(long now)
    {
        if (!IsStarted) { return; }
        foreach (PeerLink link in _links.Values) { link.Beat(Reactor.NowNanos, _beatBytes, _changes); }
        if (_groups.Count > 0 || _links.Count > 0) { ArmBeat(now); } else { ArmBeat(now + Options.ElectionTimeoutNanos); }
    }

    // ---- links ----

    /// <summary>A link came up or went down.</summary>
    internal void OnLinkChanged(PeerLink link)
    {
        foreach (RaftGroup group in _groups.Values) { group.OnLinkChanged(link); }
    }

    /// <summary>A link that had no room may have some now.</summary>
    internal void OnLinkWritable(PeerLink link)
    {
        foreach (RaftGroup group in _groups.Values)
        {
            if (group.IsBlockedOn(link)) { MarkReady(group); }
        }
    }

    // ---- catching up from the device ----

    /// <summary>The group needs an entry from the device, and there was no reader or no buffer for it: it is called again.
    /// Nothing else might come by: a peer that is alive and has acknowledged what it got gives no cause to.</summary>
    internal void ReadLater(RaftGroup group)
    {
        if (!_readLater.Contains(group)) { _readLater.Add(group); }
        if (!_readTimer.IsArmed) { Reactor.Arm(_readTimer, Reactor.NowNanos + ReadRetryNanos); }
    }

    private void OnReadTimer()
    {
        foreach (RaftGroup group in _readLater) { group.TrySendAgain(); } // in the coming turn
        _readLater.Clear();
    }

    internal CatchUpReader? TryRentReader()
    {
        if (_freeReaders.TryPop(out CatchUpReader? free)) { return free; }
        if (_readers == ReplicationLimits.MaxCatchUpReaders) { return null; }
        _readers++;
        return new CatchUpReader();
    }

    internal void ReturnReader(CatchUpReader reader)
    {
        reader.Clear();
        _freeReaders.Push(reader);
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Replication;

// Steps of the Raft node; .Effects carries out what they ask for. Nothing in here calls the role, Reserve and OnDropped apart.
internal sealed partial class RaftGroup
{
    private bool _isCorrupted;
    private LogIndex _durableIndex;
    private Term _durableTerm;

    /// <summary>Link and slot in whose merged heartbeats this node follows, or null.</summary>
    private PeerLink? _followLink;
    private uint _followSlot;
    private Term _followTerm;

    internal ReadOnlySpan<GroupPeer> Peers => _peers;

    internal bool IsReadyQueued { get; set; }

    internal bool HasPendingReads => !_unconfirmedReads.IsEmpty;

    /// <summary>Up to here the log may let entries go.</summary>
    internal LogIndex Released { get; private set; }

    internal byte[] HardStateKey => _hardStateKey;

    internal byte[] CommitKey => _commitKey;

    internal LogEnd VoteEnd => _node.VoteEnd;

    /// <summary>The commit index that was last written down.</summary>
    internal LogIndex MarkedCommit { get; set; }

    /// <summary>The group exists durably here: it takes part from now on.</summary>
    internal void BecomeDurable()
    {
        if (_isClosed) { return; }
        _takesPart = true;
        Arm();
        foreach (GroupPeer peer in _peers) { peer.Link.MaybeDial(); }
        TendSeeking(_host.Reactor.NowNanos);
        if (_isCorrupted) { _corruptionUntold = true; }
        _host.MarkReady(this);
    }

    /// <summary>Opening: descriptions of the entries that the log holds come back from its replay. Those up to the applied index
    /// are only shown to the state machine again, the others wait to be committed. When the state is incomplete nothing is
    /// shown: which of the entries belong to it is not known, and what is missing will be handed over.</summary>
    internal void Load(RaftReplay replay)
    {
        for (LogIndex index = _node.Log.BaseIndex.Next; index <= LogIndex.Min(_applied, _node.Log.LastIndex); index = index.Next)
        {
            _ = _node.Log.TryTerm(index, out Term term);
            bool known = replay.TryTake(Id, Config.Incarnation, index, term, out PendingEntry entry);
            Invariant.Require(known); // the log's index and its replay tell the same
            if (entry.Kind != EntryKind.Data || IsRecovering) { continue; }
            LogLocation at = entry.PayloadAt;
            if (entry.PayloadBytes > 0)
            {
                bool placed = _host.DiskLog.TryGetPayloadAt(Id, index.Value, out at); // the cleaner may have moved it
                Invariant.Require(placed);
            }
            Machine.Relay(new AppliedEntry
            {
                Index = index,
                Term = term,
                Header = entry.Header,
                PayloadBytes = entry.PayloadBytes,
                PayloadAt = at,
                Crcs = entry.Crcs,
            });
        }
        for (LogIndex index = _applied.Next; index <= _node.Log.LastIndex; index = index.Next)
        {
            _ = _node.Log.TryTerm(index, out Term term);
            bool found = replay.TryTake(Id, Config.Incarnation, index, term, out PendingEntry entry);
            Invariant.Require(found); // the log's index and its replay tell the same
            entry.Waiter = null;
            _pending.PushBack(entry);
            Account(Cost(in entry));
            // The room was there when it was appended, and nothing else may have taken it since.
            if (entry.Kind == EntryKind.Data) { _ = Machine.Reserve(entry.View(index)); }
        }
    }

    internal void Arm()
    {
        if (!_takesPart || _isClosed || !_host.IsStarted) { return; }
        long due = _node.DeadlineNanos;
        if (_node.DeadlineIsLoose)
        {
            // Down to the shard's grid: quiet groups are looked at when the heartbeats wake the shard anyway.
            long grid = _host.OnGrid(due);
            if (grid > _host.Reactor.NowNanos) { due = grid; }
        }
        if (!_timer.IsArmed || _timer.DueNanos != due) { _host.Reactor.Arm(_timer, due); }
    }

    internal void Disarm() => _host.Reactor.Disarm(_timer);

    internal void Close()
    {
        _isClosed = true;
        Disarm();
        _host.VoidNotes(this, default);
        LeaveFollowedSlot();
        foreach (GroupPeer peer in _peers) { LetGo(peer); }
        TendSeeking(_host.Reactor.NowNanos);
        DropPending(_applied.Next);
        _host.MarkReady(this); // waiters are told in the turn
    }

    internal void OnTimer(long now)
    {
        if (_isClosed) { return; }
        Effects effects = BeginStep();
        _node.OnTimer(now, effects);
        EndStep(effects);
        if (_target is not null && !_isTargetReached && _node.IsLeader) { _host.MarkReady(this); }
    }

    internal void OnMessage(PeerLink link, in RaftMessage message, ReadOnlySpan<ReceivedEntry> entries, in RaftFrameReader frame,
        PooledBuffer? payload, long now)
    {
        if (!_takesPart || _isClosed) { return; }
        if (!LetsIn(link, message.Kind))
        {
            if (message.Kind == MessageKind.AppendReply) { OnGreeted(link, in message); }
            return;
        }
        Span<EntryMeta> metas = stackalloc EntryMeta[entries.Length];
        int configs = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            metas[i] = new EntryMeta(entries[i].Term, entries[i].Kind);
            if (entries[i].Kind == EntryKind.Config) { configs++; }
        }
        RaftMembers[] members = [];
        if (configs > 0 && !TryReadMembers(entries, in frame, members = new RaftMembers[configs]))
        {
            OnViolation();
            return;
        }
        Effects effects = BeginStep();
        _node.Step(in message, metas, members, now, effects);
        if (effects.TruncateFrom != default) { CutOff(effects.TruncateFrom); }
        if (effects.AppendFrom != default)
        {
            // Term and vote first: should a crash come between the two, an entry never tells of a term that is unknown.
            SaveHardStateOf(effects);
            AppendReceived(in message, entries, in frame, payload, now, effects);
        }
        EndStep(effects);
        if (message.Kind == MessageKind.AppendReply && _node.IsLeader) { MaybeAddSlot(link.Id); }
    }

    private static bool TryReadMembers(ReadOnlySpan<ReceivedEntry> entries, in RaftFrameReader frame, RaftMembers[] into)
    {
        int count = 0;
        foreach (ref readonly ReceivedEntry entry in entries)
        {
            if (entry.Kind != EntryKind.Config) { continue; }
            if (!RaftMembers.TryDecode(frame.Header(in entry), out RaftMembers? members)) { return false; }
            into[count++] = members;
        }
        return true;
    }

    /// <returns>True the first time since <see cref="StepDurable"/>.</returns>
    internal bool OnEntryDurable(LogIndex index, Term term)
    {
        bool first = _durableIndex == default;
        _durableIndex = index;
        _durableTerm = term;
        return first;
    }

    internal void StepDurable()
    {
        LogIndex index = _durableIndex;
        _durableIndex = default;
        if (_isClosed) { return; }
        Effects effects = BeginStep();
        _node.OnLogDurable(index, _durableTerm, _host.Reactor.NowNanos, effects);
        EndStep(effects);
    }

    internal void OnHardStateDurable(ulong version)
    {
        if (_isClosed) { return; }
        Effects effects = BeginStep();
        _node.OnHardStateDurable(version, _host.Reactor.NowNanos, effects);
        EndStep(effects);
    }

    internal void OnHeartbeatsAcked()
    {
        Effects effects = BeginStep();
        _node.OnHeartbeatsAcked(effects);
        EndStep(effects);
    }

    internal void OnLinkChanged(PeerLink link)
    {
        if (_isClosed) { return; }
        for (int i = 0; i < _peers.Length; i++)
        {
            if (_peers[i].Link != link) { continue; }
            // The set of heartbeats is agreed anew; the group joins it again after the peer's next answer.
            RemoveSlot(_peers[i]);
            if (!_peers[i].IsReachable) { ReturnReader(_peers[i]); }
            Effects effects = BeginStep();
            _node.OnPeerConnection(i, _host.Reactor.NowNanos, effects);
            EndStep(effects);
        }
    }

    /// <summary>Acknowledged entries are gone from the log: this replica neither votes nor acknowledges before a hand-over.</summary>
    internal void OnLogLost()
    {
        if (_isClosed || _isCorrupted) { return; }
        _isCorrupted = true;
        IsRecovering = true;
        _corruptionUntold = true;
        _host.NoteLoss(this);
        Effects effects = BeginStep();
        _node.OnLogLost(_host.Reactor.NowNanos, effects);
        EndStep(effects);
        _host.MarkReady(this);
    }

    /// <summary>How far the log wants entries to go: as far as that is possible, and the role is asked for it.</summary>
    internal LogIndex WantRelease(LogIndex upTo)
    {
        LogIndex wanted = LogIndex.Min(upTo, LogIndex.Min(_applied, _pin));
        if (_isClosed || IsRecovering) { return Released; }
        if (wanted > Released)
        {
            _releaseWanted = wanted;
            _host.MarkReady(this);
        }
        return wanted;
    }

    /// <summary>The log lets entries up to the answer go.</summary>
    internal LogIndex TakeRelease(LogIndex upTo)
    {
        LogIndex answer = KeepMembers(LogIndex.Min(upTo, LogIndex.Min(Released, _pin)));
        if (!_isClosed && answer > _node.Log.BaseIndex) { _node.OnLogReleased(LogIndex.Min(answer, _node.Applicable)); }
        return answer;
    }

    // ---- merged heartbeats ----

    public long AckedStamp(NodeId peer)
    {
        int at = IndexOf(peer);
        return at < 0 || _peers[at].Slot < 0 ? long.MinValue : _peers[at].Link.Sender.AckedStamp((uint)_peers[at].Slot);
    }

    public long HeardAt(NodeId leader) =>
        _followLink != null && _followLink.Id == leader ? _followLink.Receiver.HeardAt : long.MinValue;

    /// <summary>The leader's shard wants to beat for this group.</summary>
    internal bool TryFollow(PeerLink link, in HeartbeatChange change)
    {
        bool follows = _takesPart && !_isClosed && change.Incarnation == Config.Incarnation && change.Term == _node.Term &&
            _node.Leader == link.Id && _node.Role == RaftRole.Follower && _node.IsHardStateDurable;
        if (!follows) { return false; }
        LeaveFollowedSlot();
        _followLink = link;
        _followSlot = change.Slot;
        _followTerm = change.Term;
        return true;
    }

    /// <summary>The slot that this group followed in is gone; the leader was last heard at <paramref name="heardAt"/>.</summary>
    internal void OnUnfollowed(PeerLink link, uint slot, long heardAt)
    {
        if (_followLink != link || _followSlot != slot) { return; }
        _node.OnHeard(heardAt);
        _followLink = null;
    }

    /// <summary>The peer does not follow in its slot any more: ask it directly.</summary>
    internal void OnSlotLeft(PeerLink link, uint slot)
    {
        for (int i = 0; i < _peers.Length; i++)
        {
            if (_peers[i].Link != link || _peers[i].Slot != (int)slot) { continue; }
            RemoveSlot(_peers[i]);
            Effects effects = BeginStep();
            _node.OnPeerLeft(i, effects);
            EndStep(effects);
        }
    }

    private void MaybeAddSlot(NodeId id)
    {
        int at = IndexOf(id);
        if (at < 0) { return; }
        GroupPeer peer = _peers[at];
        if (peer.Slot >= 0 || !peer.IsReachable || _node.Peers[at].State != ProgressState.Replicate) { return; }
        peer.Slot = (int)peer.Link.Sender.Add(Id, Config.Incarnation, _node.Term);
    }

    private static void RemoveSlot(GroupPeer peer)
    {
        if (peer.Slot < 0) { return; }
        peer.Link.Sender.Remove((uint)peer.Slot);
        peer.Slot = -1;
    }

    private void RemoveSlots()
    {
        foreach (GroupPeer peer in _peers) { RemoveSlot(peer); }
    }

    private void LeaveFollowedSlot()
    {
        if (_followLink == null) { return; }
        if (!Sabotage.Is(SabotageKind.LeaseRenewedAfterVote)) { _followLink.Receiver.Leave(_followSlot); }
        _followLink = null;
    }
}

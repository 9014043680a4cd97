using System;
using Fastblock.Native.Base;

namespace Fastblock.Raft;

// Log replication: Raft §5.3, §5.4.2; pipelining with windows and the conflict hint (§5.3, end); check-quorum (thesis §6.2).
// The host pulls: it asks TryPrepareAppend for each peer at the end of its iteration, so that everything of the iteration
// goes out in one message.
internal sealed partial class RaftNode
{
    // Follower.

    /// <summary>Up to here this log is known to equal that of the leader of this term.</summary>
    private LogIndex _matched;

    /// <summary>Newest commit index of the leader of this term.</summary>
    private LogIndex _leaderCommit;

    /// <summary>Newest stamp received from the leader of this term.</summary>
    private long _leaderStamp = long.MinValue;
    private bool _ackDue;
    private bool _ackNoRoom;

    // Leader.

    private long _leaderSince;
    private long _lastStamp;
    private LogIndex _noOpIndex;

    /// <summary>The first entry of this leader's term is committed: commit index and reads can be relied upon.</summary>
    public bool IsReady => _role == RaftRole.Leader && _commit >= _noOpIndex;

    /// <summary>May an entry be proposed now? The host asks, appends to its log, then calls <see cref="Propose"/>.</summary>
    /// <returns>None; Stale = not the leader; Busy = leadership is being transferred; Again = too many are uncommitted.</returns>
    public Errno CheckPropose()
    {
        if (_role != RaftRole.Leader) { return Errno.Stale; }
        if (!_transferee.IsNone) { return Errno.Busy; }
        return _log.LastIndex - _commit >= (ulong)_config.MaxUncommittedEntries ? Errno.Again : Errno.None;
    }

    /// <summary>Leader: the first entry of its term.</summary>
    public LogIndex NoOpIndex => _noOpIndex;

    /// <summary>Index that the next proposal gets.</summary>
    public LogIndex NextIndex => _log.LastIndex.Next;

    /// <summary>Adds an entry that the host has appended to its log under <see cref="NextIndex"/> and <see cref="Term"/>.</summary>
    public LogIndex Propose(long now, Effects effects)
    {
        Invariant.Require(_role == RaftRole.Leader);
        LogIndex index = _log.Append(_term);
        _deadline = Math.Min(_deadline, now + _config.HeartbeatNanos);
        effects.SendDue = true;
        return index;
    }

    /// <summary>The host could not append the entry at <paramref name="from"/> that an effect asked for, nor those behind it.</summary>
    public void OnAppendRefused(LogIndex from, long now, Effects effects)
    {
        Invariant.Require(from > _commit);
        _log.Truncate(from);
        TakeBackConfigs(from, now, effects);
        _durable = LogIndex.Min(_durable, _log.LastIndex);
        _matched = LogIndex.Min(_matched, _log.LastIndex);
        if (_role == RaftRole.Leader)
        {
            // A leader that cannot write its first entry can commit nothing: let another one try.
            Reached.Mark("raft: leader without room for its first entry");
            BecomeFollower(_term, NodeId.None, now, effects);
            return;
        }
        _ackDue = true;
        _ackNoRoom = true;
        effects.SendDue = true;
    }

    /// <summary>Follower: the host has room again after <see cref="OnAppendRefused"/>. What is acknowledged already is
    /// acknowledged once more, and the leader goes on.</summary>
    public void OnRoom(Effects effects)
    {
        if (_role != RaftRole.Follower || _leader.IsNone || _needsState) { return; }
        _ackDue = true;
        effects.SendDue = true;
    }

    // ---- follower ----

    private void OnAppend(in RaftMessage message, ReadOnlySpan<EntryMeta> entries, ReadOnlySpan<RaftMembers> configs, long now, Effects effects)
    {
        if (_role == RaftRole.Leader)
        {
            effects.Violation = true; // two leaders of one term
            return;
        }
        if (_leader != message.From || _role != RaftRole.Follower)
        {
            if (!_leader.IsNone && _leader != message.From)
            {
                effects.Violation = true;
                return;
            }
            BecomeFollower(_term, message.From, now, effects);
        }
        _heardAt = Math.Max(_heardAt, now);
        ArmCheck(_heardAt);
        _leaderStamp = Math.Max(_leaderStamp, message.Stamp);
        if (_needsState)
        {
            Refuse(in message, MessageFlags.Reject | MessageFlags.NeedsState, effects);
            return;
        }
        LogIndex previous = message.Index;
        // What lies before the base is committed, so it matches.
        if (previous >= _log.BaseIndex && !MayAppendAnywhere(previous) && (!_log.TryTerm(previous, out Term term) || term != message.LogTerm))
        {
            Refuse(in message, MessageFlags.Reject, effects);
            return;
        }
        if (!AreSane(in message, entries, configs))
        {
            effects.Violation = true;
            return;
        }
        if (!Accept(previous, entries, configs, now, effects)) { return; }
        _matched = LogIndex.Max(_matched, LogIndex.Min(previous + (ulong)entries.Length, _log.LastIndex));
        _leaderCommit = LogIndex.Max(_leaderCommit, message.Commit);
        FollowCommit(effects);
        // Entries are acknowledged when they are durable, the rest (also what was durable already) now.
        if (entries.IsEmpty || _durable >= _matched || Sabotage.Is(SabotageKind.AckBeforeDurable)) { _ackDue = true; }
        effects.SendDue = true;
    }

    /// <summary>A follower takes over the leader's commit index as far as its own log equals the leader's and is durable: the
    /// host may still refuse what is not written yet.</summary>
    private void FollowCommit(Effects effects)
    {
        LogIndex commit = LogIndex.Min(_leaderCommit, LogIndex.Min(_matched, _durable));
        if (commit <= _commit) { return; }
        _commit = commit;
        effects.CommitMoved = true;
        if (Sabotage.Is(SabotageKind.ConfigFromCommit)) { UseConfig(now: 0, effects); }
    }

    /// <summary>For the simulator: the check of the entry before is switched off, as far as there is one.</summary>
    private bool MayAppendAnywhere(LogIndex previous) => Sabotage.Is(SabotageKind.NoPreviousEntryCheck) && previous <= _log.LastIndex;

    /// <summary>Appends what is new, cutting off what conflicts.</summary>
    private bool Accept(LogIndex previous, ReadOnlySpan<EntryMeta> entries, ReadOnlySpan<RaftMembers> configs, long now, Effects effects)
    {
        int config = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            LogIndex index = previous + (ulong)i + 1;
            RaftMembers? members = entries[i].Kind == EntryKind.Config ? configs[config++] : null;
            if (index <= _log.BaseIndex) { continue; }
            if (_log.TryTerm(index, out Term own))
            {
                if (own == entries[i].Term) { continue; }
                if (index <= _commit)
                {
                    effects.Violation = true; // a committed entry never changes: one of us is corrupt
                    return false;
                }
                Reached.Mark("raft: conflicting suffix dropped");
                _log.Truncate(index);
                TakeBackConfigs(index, now, effects);
                _durable = LogIndex.Min(_durable, _log.LastIndex);
                _matched = LogIndex.Min(_matched, _log.LastIndex);
                effects.TruncateFrom = index;
            }
            if (effects.AppendFrom == default) { effects.AppendFrom = index; }
            _ = _log.Append(entries[i].Term);
            if (members != null) { _configs.Append(index, members); }
        }
        UseConfig(now, effects);
        return true;
    }

    /// <summary>Terms never go down along a log and none is newer than its leader's; what configurations say is there and makes
    /// sense.</summary>
    private static bool AreSane(in RaftMessage message, ReadOnlySpan<EntryMeta> entries, ReadOnlySpan<RaftMembers> configs)
    {
        Term last = message.LogTerm;
        int config = 0;
        foreach (EntryMeta entry in entries)
        {
            if (entry.Term < last || entry.Term > message.Term) { return false; }
            if (entry.Kind == EntryKind.Config && (config == configs.Length || !configs[config++].IsValid)) { return false; }
            last = entry.Term;
        }
        return config == configs.Length && message.LogTerm <= message.Term && message.Index.Value < ulong.MaxValue - RaftLimits.MaxEntriesPerMessage;
    }

    private void Refuse(in RaftMessage message, MessageFlags flags, Effects effects)
    {
        RaftMessage reply = Message(MessageKind.AppendReply, message.From);
        reply.Flags = flags | JoiningFlag;
        reply.Index = message.Index;
        // Who needs the state says what it knows to be committed: LearnCommit.
        bool needsState = (flags & MessageFlags.NeedsState) != 0;
        reply.Hint = needsState ? _log.BaseIndex : _log.LastAtMost(message.Index, message.LogTerm);
        _ = _log.TryTerm(reply.Hint, out Term hintTerm);
        reply.LogTerm = hintTerm;
        reply.Stamp = _leaderStamp;
        Send(in reply, effects);
    }

    private MessageFlags JoiningFlag => _configs.Current == RaftMembers.Unknown ? MessageFlags.Joining : MessageFlags.None;

    /// <summary>The acknowledgement that is due to the leader: one for everything of an iteration.</summary>
    /// <returns>False = none is due, or what it depends on is not durable yet.</returns>
    public bool TryTakeAck(out RaftMessage reply)
    {
        reply = default;
        if (!_ackDue || _leader.IsNone || _role != RaftRole.Follower || !IsHardStateDurable) { return false; }
        _ackDue = false;
        reply = Message(MessageKind.AppendReply, _leader);
        reply.Flags = (_ackNoRoom ? MessageFlags.NoRoom : MessageFlags.None) | JoiningFlag;
        reply.Index = Sabotage.Is(SabotageKind.AckBeforeDurable) ? _matched : LogIndex.Min(_matched, _durable);
        reply.Hint = _log.LastIndex;
        reply.Stamp = _leaderStamp;
        _ackNoRoom = false;
        return true;
    }

    // ---- leader ----

    private void BecomeLeader(long now, Effects effects)
    {
        _role = RaftRole.Leader;
        _leader = _self;
        _leaderSince = now;
        _transferee = NodeId.None;
        _leaseGivenUp = false;
        _nextAutoTransfer = now + _config.ElectionTimeoutNanos;
        effects.LeadershipChanged = true;
        foreach (Progress peer in _peers) { peer.Reset(NextIndex, now); }
        // Raft §8: a leader learns what is committed by committing an entry of its own term.
        _noOpIndex = _log.Append(_term);
        effects.NoOpIndex = _noOpIndex;
        _deadline = now + _config.HeartbeatNanos;
        effects.SendDue = true;
    }

    private void EndLeadership(Effects effects)
    {
        while (_reads.TryPopFront(out PendingRead read))
        {
            effects.Reads.PushBack(new ReadOutcome(read.Context, read.Index, Confirmed: false));
        }
        _transferee = NodeId.None;
    }

    /// <summary>A message of entries for a peer, if one should go now. Nothing changes until <see cref="OnAppendSent"/>: the host
    /// may send fewer entries than <see cref="RaftMessage.EntryCount"/>, or none of it.</summary>
    public bool TryPrepareAppend(int peerIndex, long now, out RaftMessage message)
    {
        message = default;
        if (_role != RaftRole.Leader) { return false; }
        Progress peer = _peers[peerIndex];
        if (peer.State != ProgressState.Snapshot && peer.Next.Previous < _log.BaseIndex) { NeedHandOver(peer, now); }
        if (peer.State == ProgressState.Snapshot)
        {
            if (!peer.NeedsRound) { return false; }
            // Matches every log: tells it who leads, no more.
            message = Message(MessageKind.Append, peer.Id);
            message.Stamp = NewStamp(now);
            return true;
        }
        int count = peer.Window(_log.LastIndex - peer.Next.Previous, now);
        if (count == 0 && !peer.NeedsRound) { return false; }
        message = Message(MessageKind.Append, peer.Id);
        message.Index = peer.Next.Previous;
        _ = _log.TryTerm(message.Index, out message.LogTerm);
        message.Commit = _commit;
        message.Stamp = NewStamp(now);
        message.EntryCount = count;
        return true;
    }

    /// <summary>The prepared message left, with <paramref name="message"/>.EntryCount entries of together
    /// <paramref name="bytes"/>.</summary>
    public void OnAppendSent(int peerIndex, in RaftMessage message, int bytes, long now) =>
        _peers[peerIndex].OnSent(in message, bytes, now, _config.HeartbeatNanos);

    /// <summary>The connection to a peer was lost, or came up: what was in flight may be gone.</summary>
    public void OnPeerConnection(int peerIndex, long now, Effects effects)
    {
        if (_role != RaftRole.Leader) { return; }
        Progress peer = _peers[peerIndex];
        if (peer.State == ProgressState.Replicate) { peer.BecomeProbe(peer.Match.Next, now); }
        peer.NeedsRound = true;
        effects.SendDue = true;
    }

    /// <summary>A merged heartbeat's answer says that the peer does not follow this leader (any more): ask it directly.</summary>
    public void OnPeerLeft(int peerIndex, Effects effects)
    {
        _peers[peerIndex].NeedsRound = true;
        effects.SendDue = true;
    }

    private long NewStamp(long now)
    {
        _lastStamp = Math.Max(Math.Max(now, _lastStamp), _readFloor);
        return _lastStamp;
    }

    private void OnAppendReply(in RaftMessage reply, long now, Effects effects)
    {
        if (_role != RaftRole.Leader) { return; }
        Progress peer = _peers[PeerIndex(reply.From)];
        if (reply.Index > _log.LastIndex || reply.Stamp > _lastStamp)
        {
            effects.Violation = true;
            return;
        }
        if (reply.Stamp < peer.Since)
        {
            Reached.Mark("raft: answer of a predecessor ignored");
            return;
        }
        peer.OnStamp(reply.Stamp);
        if (reply.Is(MessageFlags.Joining) && reply.Hint < peer.Match)
        {
            // It was made anew since it acknowledged that: this leader has not heard that it was out.
            Reached.Mark("raft: member made anew begins again");
            peer.Match = default;
            peer.BecomeProbe(NextIndex, now);
        }
        if (reply.Is(MessageFlags.NeedsState))
        {
            peer.NeedsState = true;
            // What it has acknowledged may be what it has lost: it counts again when it is acknowledged again.
            peer.Match = default;
            LearnCommit(in reply, effects);
            NeedHandOver(peer, now);
            AskHandOver(peer, now, effects);
        }
        else if (reply.Is(MessageFlags.Reject))
        {
            OnConflict(peer, in reply, now, effects);
        }
        else
        {
            bool moved = peer.OnMatch(reply.Index, now);
            if (reply.Is(MessageFlags.NoRoom))
            {
                Reached.Mark("raft: follower without room");
                peer.OnNoRoom(now, _config.HeartbeatNanos);
                _deadline = Math.Min(_deadline, peer.RetryAt);
            }
            if (moved)
            {
                MaybeCommit(now, effects);
                MaybeFinishTransfer(effects);
            }
        }
        ConfirmReads(effects);
        effects.SendDue = true;
    }

    /// <summary>A restarted leader may know less of what is committed than a member that needs the state, which can take over only
    /// a state that reaches its log's base; and without that member, when the others are away, nothing new is committed. But
    /// what a log begins behind was applied, so it is committed; and if ours holds the same entry (index and term), it holds
    /// everything before it too (Raft §5.3, log matching). No counting, so §5.4.2 is not touched.</summary>
    private void LearnCommit(in RaftMessage reply, Effects effects)
    {
        if (reply.Hint <= _commit || !_log.TryTerm(reply.Hint, out Term term) || term != reply.LogTerm) { return; }
        Reached.Mark("raft: commit index learnt from a member that needs the state");
        _commit = reply.Hint;
        effects.CommitMoved = true;
    }

    private void OnConflict(Progress peer, in RaftMessage reply, long now, Effects effects)
    {
        bool stale = peer.State switch
        {
            ProgressState.Probe => reply.Index != peer.Next.Previous,
            ProgressState.Replicate => reply.Index <= peer.Match,
            _ => true,
        };
        if (stale) { return; }
        if (reply.Index <= peer.Match || reply.Hint < _log.BaseIndex || reply.Index <= _log.BaseIndex)
        {
            NeedHandOver(peer, now);
            AskHandOver(peer, now, effects);
            return;
        }
        // One term of the follower tells how far at most the logs agree: whole terms are skipped, not single entries.
        LogIndex agree = _log.LastAtMost(reply.Hint, reply.LogTerm);
        LogIndex next = LogIndex.Min(agree.Next, reply.Index);
        peer.BecomeProbe(next, now);
        peer.NeedsRound = true;
    }

    private void NeedHandOver(Progress peer, long now)
    {
        if (peer.State == ProgressState.Snapshot) { return; }
        Reached.Mark("raft: follower needs a hand-over");
        peer.BecomeSnapshot();
        _deadline = Math.Min(_deadline, now);
    }

    /// <summary>The host cannot read entries that this peer needs (damaged, or released meanwhile): only a hand-over helps.</summary>
    public void OnEntriesUnavailable(int peerIndex, long now, Effects effects)
    {
        if (_role != RaftRole.Leader) { return; }
        NeedHandOver(_peers[peerIndex], now);
        AskHandOver(_peers[peerIndex], now, effects);
    }

    private void AskHandOver(Progress peer, long now, Effects effects)
    {
        if (peer.SnapshotAskedAt > now - _config.ElectionTimeoutNanos) { return; }
        peer.SnapshotAskedAt = now;
        effects.HandOvers.PushBack(peer.Id);
    }

    /// <summary>The role's hand-over to a peer ended. With success its log begins behind <paramref name="index"/>.</summary>
    public void OnHandOverEnded(int peerIndex, bool success, LogIndex index, long now, Effects effects)
    {
        if (_role != RaftRole.Leader) { return; }
        Progress peer = _peers[peerIndex];
        if (peer.State != ProgressState.Snapshot) { return; }
        if (success)
        {
            peer.NeedsState = false;
            peer.BecomeProbe(index.Next, now);
        }
        peer.NeedsRound = true;
        _deadline = Math.Min(_deadline, now + _config.HeartbeatNanos);
        effects.SendDue = true;
    }

    /// <summary>Raft §5.3 and §5.4.2: an entry is committed when a majority has it durably and it is of this term; all before
    /// it are committed with it.</summary>
    private void MaybeCommit(long now, Effects effects)
    {
        LogIndex reached = QuorumMatch();
        if (reached <= _commit || !_log.TryTerm(reached, out Term term)) { return; }
        if (term != _term && !Sabotage.Is(SabotageKind.CommitWithoutCurrentTerm)) { return; }
        _commit = reached;
        effects.CommitMoved = true;
        // Followers learn it with the next entries, or with a message of its own from the next deadline.
        _deadline = Math.Min(_deadline, now + _config.HeartbeatNanos);
        if (Sabotage.Is(SabotageKind.ConfigFromCommit)) { UseConfig(now, effects); }
        TendMembers(now, effects);
    }

    /// <summary>Up to where the majority has the log durably.</summary>
    private LogIndex QuorumMatch()
    {
        ReadOnlySpan<NodeId> all = _members.All;
        Span<long> values = stackalloc long[all.Length];
        int peer = 0;
        for (int i = 0; i < all.Length; i++) { values[i] = (long)(all[i] == _self ? _durable : _peers[peer++].Match).Value; }
        return new LogIndex((ulong)MajorityOf(values, (long)_durable.Value, SabotageKind.CommitByIncomingOnly));
    }

    /// <summary>The time since when a majority is known to have followed this leader: by what they echoed.</summary>
    private long QuorumStamp()
    {
        ReadOnlySpan<NodeId> all = _members.All;
        Span<long> values = stackalloc long[all.Length];
        int peer = 0;
        for (int i = 0; i < all.Length; i++) { values[i] = all[i] == _self ? AlwaysAgrees : StampOf(_peers[peer++]); }
        return Quorum.Of(_members, values);
    }

    /// <summary>Newest stamp that the peer is known to have received under this leader.</summary>
    private long StampOf(Progress peer) => Math.Max(peer.AckStamp, _heartbeats.AckedStamp(peer.Id));

    /// <summary>Was the peer heard within the last election timeout?</summary>
    public bool IsPeerAlive(int peerIndex, long now) =>
        _role == RaftRole.Leader && StampOf(_peers[peerIndex]) > now - _config.ElectionTimeoutNanos;

    private void OnLeaderTimer(long now, Effects effects)
    {
        long quorum = Math.Max(QuorumStamp(), _leaderSince);
        if (quorum <= now - _config.ElectionTimeoutNanos)
        {
            // Thesis §6.2: nobody hears us, so nobody should wait for us.
            Reached.Mark("raft: leader without a majority steps down");
            BecomeFollower(_term, NodeId.None, now, effects);
            return;
        }
        if (!_transferee.IsNone && now >= _transferDeadline) { _transferee = NodeId.None; }
        TendMembers(now, effects);
        if (_role != RaftRole.Leader) { return; }
        bool busy = !_reads.IsEmpty || !_transferee.IsNone || _members.IsJoint;
        foreach (Progress peer in _peers) { busy |= TendPeer(peer, now, effects); }
        MaybeTransferToPreferred(now, effects);
        _deadline = now + (busy ? _config.HeartbeatNanos : _config.ElectionTimeoutNanos / 2);
    }

    /// <summary>Decides whether a peer has to hear something now.</summary>
    /// <returns>True when it will have to be looked at again after a heartbeat interval.</returns>
    private bool TendPeer(Progress peer, long now, Effects effects)
    {
        bool covered = _heartbeats.AckedStamp(peer.Id) > now - (_config.ElectionTimeoutNanos / 2);
        bool behind = peer.State == ProgressState.Replicate && (peer.SentCommit < _commit || peer.AckStamp < peer.CommitStamp);
        if (peer.InflightMessages > 0 && peer.LastAdvance <= now - _config.ElectionTimeoutNanos)
        {
            Reached.Mark("raft: in-flight entries given up");
            peer.BecomeProbe(peer.Match.Next, now);
        }
        if (peer.State == ProgressState.Snapshot) { AskHandOver(peer, now, effects); }
        bool silent = !covered && peer.LastSent <= now - _config.HeartbeatNanos;
        bool retry = peer.State == ProgressState.Probe && peer.RetryAt <= now;
        peer.NeedsRound |= behind || silent || retry || !_reads.IsEmpty;
        effects.SendDue |= peer.NeedsRound;
        return !covered || behind || peer.InflightMessages > 0 || peer.State != ProgressState.Replicate;
    }
}

using System;
using Fastblock.Native.Base;

// One replica of one group as a pure state machine: (state, event) -> Effects. No I/O, no clock, no thread, no await: the host
// brings every event with the time at which it happened and carries the effects out.
//
//                     deadline passed              majority would vote           majority voted
//        Follower ---------------------> PreCandidate ----------------> Candidate -------------> Leader
//           ^   ^____ leader heard ___________/  (moves no term)            |                       |
//           |_____________ newer term, or a leader of this term ____________/                       |
//           |_____________ newer term, or no majority heard for an election timeout ________________/
//
// What is answered depends on what is durable, and the node itself waits for it:
//   - a message that tells of a term or a vote is held until the host reported the hard state durable (OnHardStateDurable);
//   - an append is acknowledged up to what the host reported durable (OnLogDurable), and a leader counts itself likewise;
//   - the leader's log and the network run in parallel: entries may be sent before they are durable here.
//
// Time. A voter that heard a leader keeps still (votes for nobody) for one election timeout from then on. The leader knows
// when it SENT the message that the voter heard, because replies echo the stamp; so from the stamp that a majority has
// echoed until one election timeout later, less the clocks' drift, no other leader can exist: the lease. Both ends use the
// real clock: the voter samples it after it took the message from the network. A restarted voter does not know what it
// heard and keeps still for one full election timeout. A leader that asks another member to campaign at once (TimeoutNow)
// breaks the rule on purpose and gives its lease up before, for the rest of its term.
//
// Heartbeats are not sent per group: IHeartbeatView tells what the merged heartbeats of the shard say about this group.
namespace Fastblock.Raft;

/// <summary>One replica of one group. Single-threaded; deterministic given its events and <see cref="Prng"/>.</summary>
internal sealed partial class RaftNode
{
    private readonly RaftConfig _config;
    private readonly ConfigTrack _configs;
    private readonly NodeId _self;
    private readonly Prng _prng;
    private readonly IHeartbeatView _heartbeats;
    private readonly RaftLog _log;
    private readonly RingQueue<(RaftMessage Message, ulong Version)> _held = new(4, RaftLimits.MaxHeldMessages);

    /// <summary>The configuration in force: the newest in the log.</summary>
    private RaftMembers _members;
    private Progress[] _peers;
    private Term _term;
    private NodeId _vote;
    private ulong _hardVersion;
    private ulong _durableHardVersion;
    private RaftRole _role;
    private NodeId _leader = NodeId.None;
    private LogIndex _commit;
    private LogIndex _durable;

    /// <summary>When OnTimer wants to be called.</summary>
    private long _deadline;

    public RaftNode(RaftConfig config, RaftStart start, Prng prng, long now, IHeartbeatView? heartbeats = null)
    {
        _config = config;
        _configs = start.Configs ?? new ConfigTrack(config.Members);
        _members = _configs.Current;
        _self = config.Self;
        _prng = prng;
        _heartbeats = heartbeats ?? NoHeartbeats.Instance;
        _log = start.Log;
        _term = start.Term;
        _vote = start.Vote;
        if (_log.LastTerm > _term)
        {
            // An entry of a new term became durable and the term did not: nothing of that term was answered from here, so
            // the vote in it is still free.
            Reached.Mark("raft: term taken from the log");
            (_term, _vote) = (_log.LastTerm, NodeId.None);
        }
        _commit = LogIndex.Max(start.Commit, _log.BaseIndex);
        _durable = _log.LastIndex;
        _preferred = start.Preferred;
        _needsState = start.NeedsState || start.LostLog;
        _lostLog = start.LostLog;
        _voteFloor = start.VoteFloor;
        DropReachedFloor();
        Invariant.Require(_commit <= _log.LastIndex);
        Invariant.Require(_members.All.Length <= RaftLimits.MaxMembers);
        Invariant.Require(_configs.CurrentIndex <= _log.LastIndex || _needsState); // what is handed over brings its own
        _peers = MakePeers(_members, [], now);
        StartElections(now);
    }

    public NodeId Self => _self;
    public RaftMembers Members => _members;
    public Term Term => _term;
    public NodeId Vote => _vote;
    public RaftRole Role => _role;
    public bool IsLeader => _role == RaftRole.Leader;

    /// <summary>Who leads in <see cref="Term"/> as far as known, this node included, or None.</summary>
    public NodeId Leader => _leader;

    public LogIndex Commit => _commit;

    /// <summary>Everything up to here is durable on this node.</summary>
    public LogIndex Durable => _durable;

    /// <summary>What may be applied: committed, and durable here.</summary>
    public LogIndex Applicable => Sabotage.Is(SabotageKind.UncommittedRead) ? _durable : LogIndex.Min(_commit, _durable);

    public RaftLog Log => _log;

    /// <summary>When <see cref="OnTimer"/> is to be called.</summary>
    public long DeadlineNanos => _deadline;

    /// <summary>True: the host may call OnTimer up to a heartbeat interval earlier or later, to wake up less often. False: it
    /// is an election, which random times keep apart.</summary>
    public bool DeadlineIsLoose => _role == RaftRole.Leader || _checking;

    /// <summary>Term and vote are durable: acknowledgements of this term may be given.</summary>
    public bool IsHardStateDurable => _durableHardVersion == _hardVersion;

    /// <summary>Version of the present term and vote, for <see cref="OnHardStateDurable"/>.</summary>
    public ulong HardStateVersion => _hardVersion;

    /// <summary>The other members, in ascending order. Another array after <see cref="Effects.MembersChanged"/>.</summary>
    public ReadOnlySpan<Progress> Peers => _peers;

    /// <summary>Index in <see cref="Peers"/>, or -1.</summary>
    public int PeerIndex(NodeId id)
    {
        for (int i = 0; i < _peers.Length; i++)
        {
            if (_peers[i].Id == id) { return i; }
        }
        return -1;
    }

    /// <summary>Feeds one message without entries of kind Config.</summary>
    public void Step(in RaftMessage message, ReadOnlySpan<EntryMeta> entries, long now, Effects effects) =>
        Step(in message, entries, default, now, effects);

    /// <summary>Feeds one message. Its sender may be no member that this node knows: the host says who is let through.</summary>
    /// <param name="entries">Of an Append message: its <see cref="RaftMessage.EntryCount"/> entries.</param>
    /// <param name="configs">What its entries of kind Config say, one for each, in order.</param>
    /// <param name="now">Sampled after the message was taken from the network: leases depend on it.</param>
    public void Step(in RaftMessage message, ReadOnlySpan<EntryMeta> entries, ReadOnlySpan<RaftMembers> configs, long now, Effects effects)
    {
        // All of this came over the network: what does not make sense is ignored, never an invariant.
        if (message.To != _self || message.From == _self || message.From.IsNone || entries.Length != message.EntryCount)
        {
            effects.Violation = true;
            return;
        }
        bool isReply = message.Kind is MessageKind.AppendReply or MessageKind.VoteReply or MessageKind.PreVoteReply;
        if (isReply && PeerIndex(message.From) < 0)
        {
            // What somebody who was taken out still has to say moves nothing, not even the term.
            Reached.Mark("raft: reply of a removed member ignored");
            return;
        }
        bool isVoteRequest = message.Kind is MessageKind.VoteRequest or MessageKind.PreVoteRequest;
        if (isVoteRequest && !message.Is(MessageFlags.Transfer) && KeepsStill(now))
        {
            // Thesis §4.2.3: else a removed or cut-off member could break a lease, or depose a leader that works.
            Reached.Mark("raft: vote request ignored under a lease");
            return;
        }
        if (message.Term > _term)
        {
            // A pre-vote tells of a term that nobody is in yet, and so does its grant (thesis §9.6).
            bool future = message.Kind == MessageKind.PreVoteRequest ||
                (message.Kind == MessageKind.PreVoteReply && !message.Is(MessageFlags.Reject));
            if (!future) { BecomeFollower(message.Term, NodeId.None, now, effects); }
        }
        else if (message.Term < _term)
        {
            OnOldTerm(in message, effects);
            return;
        }
        switch (message.Kind)
        {
            case MessageKind.Append: OnAppend(in message, entries, configs, now, effects); break;
            case MessageKind.AppendReply: OnAppendReply(in message, now, effects); break;
            case MessageKind.VoteRequest: OnVoteRequest(in message, now, effects); break;
            case MessageKind.PreVoteRequest: OnPreVoteRequest(in message, effects); break;
            case MessageKind.VoteReply: OnVoteReply(in message, now, effects); break;
            case MessageKind.PreVoteReply: OnPreVoteReply(in message, now, effects); break;
            case MessageKind.TimeoutNow: OnTimeoutNow(in message, now, effects); break;
            default: effects.Violation = true; break;
        }
        CheckInvariants();
    }

    /// <summary>The deadline passed (or is near, when it is loose).</summary>
    public void OnTimer(long now, Effects effects)
    {
        if (_role == RaftRole.Leader) { OnLeaderTimer(now, effects); } else { OnElectionTimer(now, effects); }
        CheckInvariants();
    }

    /// <summary>Term and vote of <paramref name="version"/> are durable: what depended on them may be said.</summary>
    public void OnHardStateDurable(ulong version, long now, Effects effects)
    {
        if (version <= _durableHardVersion) { return; }
        Invariant.Require(version <= _hardVersion);
        _durableHardVersion = version;
        while (!_held.IsEmpty && _held[0].Version <= version) { effects.Messages.PushBack(_held.PopFront().Message); }
        if (_role == RaftRole.Candidate && IsHardStateDurable) { CountVotes(now, effects); }
        if (_ackDue) { effects.SendDue = true; }
    }

    /// <summary>The entry (index, term), and with it every earlier one of this log, is durable here.</summary>
    public void OnLogDurable(LogIndex index, Term term, long now, Effects effects)
    {
        // An entry that a newer leader has cut off meanwhile is reported too: its term tells it apart.
        if (index <= _durable || !_log.TryTerm(index, out Term own) || own != term) { return; }
        // A leader's entries may be committed by the others before they are durable here; now they can be applied.
        effects.CommitMoved |= _commit > _durable;
        _durable = index;
        DropReachedFloor();
        if (_role == RaftRole.Leader)
        {
            MaybeCommit(now, effects);
        }
        else if (!_leader.IsNone)
        {
            FollowCommit(effects);
            _ackDue = true;
            effects.SendDue = true;
        }
        CheckInvariants();
    }

    /// <summary>Everything up to <paramref name="upTo"/> (applied) has left the host's log.</summary>
    public void OnLogReleased(LogIndex upTo)
    {
        Invariant.Require(upTo <= Applicable);
        _log.Compact(upTo);
        _configs.Compact(upTo);
    }

    /// <summary>Follower: the whole state up to (index, term) was received and is durable; the log begins anew behind it.</summary>
    /// <param name="voteFloor">What <see cref="FloorBehind"/> said; durable by now.</param>
    /// <param name="members">The configuration of that state, as <see cref="MembersAt"/> told its sender; null = as it was here.</param>
    /// <param name="membersSince">Index of the entry that brought it.</param>
    public void OnStateInstalled(LogIndex index, Term term, LogEnd voteFloor, Effects effects, RaftMembers? members = null,
        LogIndex membersSince = default)
    {
        Invariant.Require(_role != RaftRole.Leader);
        Invariant.Require(membersSince <= index);
        RaftMembers before = _configs.At(index, out LogIndex beforeSince);
        _configs.Reset(members ?? before, members is null ? beforeSince : membersSince);
        UseConfig(now: 0, effects); // the time is for leaders
        _log.Reset(index, term);
        _durable = index;
        _commit = index;
        _matched = index;
        _needsState = false;
        _lostLog = false;
        _voteFloor = voteFloor;
        DropReachedFloor();
        _ackDue = !_leader.IsNone;
        effects.SendDue = true;
        effects.CommitMoved = true;
        CheckInvariants();
    }

    /// <summary>As which end of a log this node has to vote once the state up to (index, term) has replaced its log: what it had
    /// acknowledged behind that state counts until it holds it again.</summary>
    /// <param name="leaderEnd">End of the leader's log after it knew that this node needs the state. Where it is not known what was
    /// acknowledged here, everything that can count is at or before it: that leader has what was committed before its term, and
    /// counts nothing behind it for this node.</param>
    public LogEnd FloorBehind(LogIndex index, Term term, LogEnd leaderEnd)
    {
        LogEnd lost = default;
        if (_lostLog)
        {
            lost = leaderEnd;
        }
        else if (_durable > index && _log.TryTerm(index, out Term own) && own == term)
        {
            // A log with another entry at the state's index holds nothing behind it that was ever committed.
            lost = DurableEnd;
        }
        LogEnd floor = LogEnd.Max(lost, _voteFloor);
        return floor > new LogEnd(term, index) ? floor : default;
    }

    /// <summary>The end of what is durable here, or of what has to be taken for it.</summary>
    public LogEnd VoteEnd => LogEnd.Max(DurableEnd, _voteFloor);

    private LogEnd DurableEnd
    {
        get
        {
            _ = _log.TryTerm(_durable, out Term term);
            return new LogEnd(term, _durable);
        }
    }

    /// <summary>From the same or a newer leader, and as long: the own log says as much as the floor did.</summary>
    private void DropReachedFloor()
    {
        if (_voteFloor != default && DurableEnd >= _voteFloor) { _voteFloor = default; }
    }

    /// <summary>The state is about to be replaced by one from the leader: until <see cref="OnStateInstalled"/> this node takes no
    /// entries and does not campaign. It still votes: its log is intact.</summary>
    public void OnRecoveryBegins(long now, Effects effects)
    {
        if (_role != RaftRole.Follower) { BecomeFollower(_term, NodeId.None, now, effects); }
        _needsState = true;
    }

    /// <summary>Acknowledged entries are gone from this node's log: as after damage found at the start, it neither votes nor
    /// acknowledges until <see cref="OnStateInstalled"/>.</summary>
    public void OnLogLost(long now, Effects effects)
    {
        _lostLog = true;
        OnRecoveryBegins(now, effects);
    }

    private void BecomeFollower(Term term, NodeId leader, long now, Effects effects)
    {
        bool led = _role == RaftRole.Leader;
        bool changed = led || term != _term || leader != _leader;
        NoteHeard();
        _role = RaftRole.Follower;
        if (term > _term)
        {
            _term = term;
            _vote = NodeId.None;
            SaveHardState(effects);
        }
        if (changed)
        {
            _leader = leader;
            _matched = default;
            _leaderCommit = default;
            _leaderStamp = long.MinValue;
            _ackDue = false;
            _ackNoRoom = false;
            effects.LeadershipChanged = true;
        }
        if (led) { EndLeadership(effects); }
        ArmElection(now);
    }

    private void SaveHardState(Effects effects)
    {
        _hardVersion++;
        if (Sabotage.Is(SabotageKind.VoteNotPersisted))
        {
            _durableHardVersion = _hardVersion;
            return;
        }
        effects.HardStateChanged = true;
        effects.HardStateVersion = _hardVersion;
        effects.HardTerm = _term;
        effects.HardVote = _vote;
    }

    /// <summary>Sends now, or when the term and vote that it tells of are durable.</summary>
    private void Send(in RaftMessage message, Effects effects)
    {
        if (IsHardStateDurable)
        {
            effects.Messages.PushBack(message);
        }
        else if (!_held.TryPushBack((message, _hardVersion)))
        {
            Reached.Mark("raft: held message dropped");
        }
    }

    private RaftMessage Message(MessageKind kind, NodeId to) => new()
    {
        Kind = kind,
        From = _self,
        To = to,
        Term = _term,
    };

    /// <summary>The sender lives in the past: tell it, so that it catches up (a leader steps down, a candidate learns).</summary>
    private void OnOldTerm(in RaftMessage message, Effects effects)
    {
        MessageKind answer = message.Kind switch
        {
            MessageKind.Append => MessageKind.AppendReply,
            MessageKind.VoteRequest => MessageKind.VoteReply,
            MessageKind.PreVoteRequest => MessageKind.PreVoteReply,
            _ => MessageKind.None,
        };
        if (answer == MessageKind.None) { return; }
        RaftMessage reply = Message(answer, message.From);
        reply.Flags = MessageFlags.Reject;
        reply.Index = message.Index;
        reply.Hint = _log.LastIndex;
        reply.LogTerm = _log.LastTerm;
        reply.Stamp = long.MinValue;
        Send(in reply, effects);
    }

    private void CheckInvariants()
    {
        Invariant.Require(_commit >= _log.BaseIndex);
        Invariant.Require(_commit <= _log.LastIndex);
        Invariant.Require(_durable <= _log.LastIndex);
        Invariant.Require(_matched <= _log.LastIndex);
        Invariant.Require(_log.LastTerm <= _term);
    }
}

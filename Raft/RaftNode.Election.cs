using System;
using Fastblock.Native.Base;

namespace Fastblock.Raft;

// Elections: Raft §5.2 and §5.4.1, pre-vote (thesis §9.6), the lease rule for voters (thesis §4.2.3 and §6.4.1), priorities.
internal sealed partial class RaftNode
{
    /// <summary>Part of an election timeout by which the preferred leader campaigns before the others can, in percent.</summary>
    private const int PreferredPercent = 15;

    /// <summary>When this node itself last heard its leader (merged heartbeats apart), or long.MinValue.</summary>
    private long _heardAt = long.MinValue;

    /// <summary>A restarted voter does not know what it heard before: no votes until then.</summary>
    private long _noVoteBefore = long.MinValue;

    /// <summary>True while the deadline only asks "heard anything since?"; false while it is the election itself.</summary>
    private bool _checking;
    private long _heardWhenArmed;

    private NodeId _preferred;
    private bool _needsState;
    private bool _lostLog;

    /// <summary>See <see cref="RaftStart.VoteFloor"/>; default = its own log counts.</summary>
    private LogEnd _voteFloor;

    /// <summary>The state here is incomplete: only a hand-over from the leader helps.</summary>
    public bool NeedsState => _needsState;

    public NodeId Preferred => _preferred;

    /// <summary>Another leader is wanted. Takes effect with the next deadline.</summary>
    public void SetPreferred(NodeId preferred) => _preferred = preferred;

    /// <summary>Something was heard from the present leader by other means than a message of this group.</summary>
    public void OnHeard(long at) => _heardAt = Math.Max(_heardAt, at);

    private bool MayCampaign => !_isRetiring && !_needsState && !_lostLog && _voteFloor == default && (_members.IsVoter(_self) || IsNotOutYet);

    /// <summary>The entry that takes this voter out is not known to be committed. Its log may be the only one that is long enough:
    /// it campaigns, does not count itself, and makes room once the entry is committed (thesis §4.2.2).</summary>
    private bool IsNotOutYet => _configs.CurrentIndex > _commit && !Sabotage.Is(SabotageKind.RemovedNeverCampaigns) &&
        _configs.At(_configs.CurrentIndex.Previous, out _).IsVoter(_self);

    /// <summary>Whoever is asked, learners included: the voter's own configuration may be behind, and it is the candidate that counts
    /// (docs/decisions/membership.md).</summary>
    private bool MayVoteFor(in RaftMessage request) => !_lostLog && _log.IsUpToDate(request.Index, request.LogTerm) &&
        new LogEnd(request.LogTerm, request.Index) >= _voteFloor;

    private bool IsAlone => _members.All.Length == 1 && _members.IsVoter(_self);

    private void StartElections(long now)
    {
        // Whoever was in a term may have told a leader that it heard it, and forgot. In term 0 nobody has, and neither has who
        // was always alone. Who is alone since others were removed may have promised it to one of them.
        bool isFounderAlone = IsAlone && _configs.CurrentIndex == default;
        bool mayHavePromised = _term > default(Term) && !isFounderAlone;
        if (mayHavePromised) { _noVoteBefore = now + _config.ElectionTimeoutNanos; }
        long from = mayHavePromised ? _noVoteBefore : now;
        _checking = false;
        _deadline = isFounderAlone ? now : from + Jitter();
    }

    /// <summary>When this voter last heard its leader, on any way.</summary>
    private long HeardAt() =>
        _leader.IsNone || _role == RaftRole.Leader ? _heardAt : Math.Max(_heardAt, _heartbeats.HeardAt(_leader));

    /// <summary>Keeps what the merged heartbeats say before the leader they speak of is forgotten.</summary>
    private void NoteHeard() => _heardAt = HeardAt();

    /// <summary>Must this voter ignore requests for votes, because a leader may count on it?</summary>
    private bool KeepsStill(long now)
    {
        if (now < _noVoteBefore) { return true; }
        long heard = _role == RaftRole.Leader ? QuorumStamp() : HeardAt();
        return heard > now - _config.ElectionTimeoutNanos;
    }

    /// <summary>Random within half an election timeout; the preferred leader's part comes first.</summary>
    private long Jitter()
    {
        long half = _config.ElectionTimeoutNanos / 2;
        long first = _config.ElectionTimeoutNanos * PreferredPercent / 100;
        if (_preferred.IsNone) { return _prng.Between(0, half); }
        return _preferred == _self ? _prng.Between(0, first) : _prng.Between(first, half);
    }

    private void ArmElection(long now)
    {
        long heard = HeardAt();
        if (heard > now - _config.ElectionTimeoutNanos)
        {
            ArmCheck(heard);
            return;
        }
        _checking = false;
        _deadline = now + _config.ElectionTimeoutNanos + Jitter();
    }

    private void ArmCheck(long heard)
    {
        _checking = true;
        _heardWhenArmed = heard;
        _deadline = heard + _config.ElectionTimeoutNanos;
    }

    private void OnElectionTimer(long now, Effects effects)
    {
        long heard = HeardAt();
        if (_checking)
        {
            if (heard > _heardWhenArmed)
            {
                ArmCheck(heard);
                return;
            }
            // Silence. From here on the time is random and exact, so that the members and the groups do not all campaign at once.
            _checking = false;
            _deadline = heard + _config.ElectionTimeoutNanos + Jitter();
            return;
        }
        if (now < _deadline) { return; }
        if (heard > now - _config.ElectionTimeoutNanos)
        {
            ArmCheck(heard);
            return;
        }
        if (!MayCampaign)
        {
            ForgetLeader(effects);
            _deadline = now + _config.ElectionTimeoutNanos;
            return;
        }
        PreCampaign(now, effects);
    }

    private void ForgetLeader(Effects effects)
    {
        if (_leader.IsNone) { return; }
        NoteHeard();
        _leader = NodeId.None;
        _matched = default;
        _leaderCommit = default;
        _leaderStamp = long.MinValue;
        _ackDue = false;
        _ackNoRoom = false;
        effects.LeadershipChanged = true;
    }

    private void PreCampaign(long now, Effects effects)
    {
        ForgetLeader(effects);
        _role = RaftRole.PreCandidate;
        ClearGrants();
        _checking = false;
        _deadline = now + (_config.ElectionTimeoutNanos / 4) + _prng.Between(0, _config.ElectionTimeoutNanos / 2);
        if (Wins())
        {
            Campaign(transfer: false, now, effects);
            return;
        }
        AskForVotes(MessageKind.PreVoteRequest, _term.Next, MessageFlags.None, effects);
    }

    private void Campaign(bool transfer, long now, Effects effects)
    {
        ForgetLeader(effects);
        _role = RaftRole.Candidate;
        _term = _term.Next;
        _vote = _self;
        ClearGrants();
        _matched = default;
        SaveHardState(effects);
        _checking = false;
        _deadline = now + (_config.ElectionTimeoutNanos / 2) + _prng.Between(0, _config.ElectionTimeoutNanos / 2);
        effects.LeadershipChanged = true;
        // Held until our own vote is durable, as every message of the new term.
        AskForVotes(MessageKind.VoteRequest, _term, transfer ? MessageFlags.Transfer : MessageFlags.None, effects);
        if (IsHardStateDurable) { CountVotes(now, effects); } // only when sabotaged: nothing is durable at once
    }

    private void AskForVotes(MessageKind kind, Term term, MessageFlags flags, Effects effects)
    {
        foreach (Progress peer in _peers)
        {
            if (!peer.IsVoter) { continue; }
            RaftMessage request = Message(kind, peer.Id);
            request.Term = term;
            request.Flags = flags;
            request.Index = _log.LastIndex;
            request.LogTerm = _log.LastTerm;
            Send(in request, effects);
        }
    }

    private void OnVoteRequest(in RaftMessage request, long now, Effects effects)
    {
        bool free = (_vote.IsNone && _leader.IsNone) || _vote == request.From;
        // Raft §5.4.1: nobody may lead whose log lacks what a majority, and so perhaps we, have acknowledged.
        bool granted = free && MayVoteFor(in request);
        if (granted)
        {
            if (_vote != request.From)
            {
                _vote = request.From;
                SaveHardState(effects);
            }
            if (_role != RaftRole.Follower) { _role = RaftRole.Follower; }
            ArmElection(now);
        }
        // A vote that a crash could make us forget could be cast twice: Send holds it until it is durable.
        RaftMessage reply = Message(MessageKind.VoteReply, request.From);
        reply.Flags = granted ? MessageFlags.None : MessageFlags.Reject;
        Send(in reply, effects);
    }

    private void OnPreVoteRequest(in RaftMessage request, Effects effects)
    {
        bool granted = request.Term > _term && MayVoteFor(in request);
        RaftMessage reply = Message(MessageKind.PreVoteReply, request.From);
        reply.Term = granted ? request.Term : _term; // a refusal tells our term, a grant repeats the asked one
        reply.Flags = granted ? MessageFlags.None : MessageFlags.Reject;
        Send(in reply, effects);
    }

    private void OnPreVoteReply(in RaftMessage reply, long now, Effects effects)
    {
        if (_role != RaftRole.PreCandidate || reply.Is(MessageFlags.Reject) || reply.Term != _term.Next) { return; }
        _peers[PeerIndex(reply.From)].Granted = true;
        if (Wins()) { Campaign(transfer: false, now, effects); }
    }

    private void OnVoteReply(in RaftMessage reply, long now, Effects effects)
    {
        if (_role != RaftRole.Candidate || reply.Is(MessageFlags.Reject)) { return; }
        _peers[PeerIndex(reply.From)].Granted = true;
        CountVotes(now, effects);
    }

    private void OnTimeoutNow(in RaftMessage message, long now, Effects effects)
    {
        // Only the leader may say so, who has given up its lease; and only to somebody who can lead.
        if (_role != RaftRole.Follower || message.From != _leader) { return; }
        if (!MayCampaign)
        {
            _ackDue |= _isRetiring; // the frame that it goes in says so, and the leader looks for somebody else
            return;
        }
        Reached.Mark("raft: campaign on transfer");
        Campaign(transfer: true, now, effects);
    }

    private void CountVotes(long now, Effects effects)
    {
        // Our own vote counts like any other: once it is durable.
        if (_role == RaftRole.Candidate && IsHardStateDurable && Wins()) { BecomeLeader(now, effects); }
    }

    /// <summary>Has the configuration's majority granted, our own vote included?</summary>
    private bool Wins()
    {
        ReadOnlySpan<NodeId> all = _members.All;
        Span<long> values = stackalloc long[all.Length];
        int peer = 0;
        for (int i = 0; i < all.Length; i++) { values[i] = all[i] == _self || _peers[peer++].Granted ? 1 : 0; }
        return MajorityOf(values, own: 1, SabotageKind.ElectByIncomingOnly) > 0;
    }

    private void ClearGrants()
    {
        foreach (Progress peer in _peers) { peer.Granted = false; }
    }
}

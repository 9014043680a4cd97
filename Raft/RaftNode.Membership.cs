using System;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;

namespace Fastblock.Raft;

// Who the members are (Raft §6, thesis 4: learners and joint configurations; docs/decisions/membership.md) and who leads among
// them: transfer of leadership (thesis §3.10) and the preferred leader.
//
//      voters {1 2 3}  --learners are added-->  {1 2 3} + 4 5  --they follow closely-->  {1 4 5} / {1 2 3}  --committed-->  {1 4 5}
//
// Each arrow is an entry of kind Config that the host asks for (PlanChange; the last one is asked of it: LeaveDue), appends and
// hands to ProposeMembers.
internal sealed partial class RaftNode
{
    private NodeId _transferee = NodeId.None;
    private bool _timeoutNowSent;
    private long _transferDeadline;
    private long _nextAutoTransfer;

    /// <summary>Hands the leadership to <paramref name="to"/> once it has everything. Until then, or until an election timeout
    /// has passed, nothing is proposed.</summary>
    /// <returns>None; Stale = not the leader; Busy = one is under way; Invalid = it cannot lead.</returns>
    public Errno TransferLeadership(NodeId to, long now, Effects effects)
    {
        if (_role != RaftRole.Leader) { return Errno.Stale; }
        if (!_transferee.IsNone) { return Errno.Busy; }
        int index = PeerIndex(to);
        if (index < 0 || !_members.IsIncoming(to) || _peers[index].NeedsState) { return Errno.Invalid; }
        _transferee = to;
        _timeoutNowSent = false;
        _transferDeadline = now + _config.ElectionTimeoutNanos;
        _deadline = long.Min(_deadline, now + _config.HeartbeatNanos);
        effects.SendDue = true;
        MaybeFinishTransfer(effects);
        return Errno.None;
    }

    private void MaybeFinishTransfer(Effects effects)
    {
        if (_transferee.IsNone || _timeoutNowSent) { return; }
        if (_peers[PeerIndex(_transferee)].Match < _log.LastIndex) { return; }
        // From here on somebody may campaign in spite of the promises that our lease rests on. The message may also arrive
        // late, so the lease is not taken up again in this term, whatever becomes of the transfer.
        _leaseGivenUp = true;
        _timeoutNowSent = true;
        RaftMessage message = Message(MessageKind.TimeoutNow, _transferee);
        Send(in message, effects);
    }

    private void MaybeTransferToPreferred(long now, Effects effects)
    {
        if (_preferred.IsNone || _preferred == _self || !IsReady || now < _nextAutoTransfer || !_transferee.IsNone) { return; }
        int index = PeerIndex(_preferred);
        if (index < 0 || _members.IsJoint) { return; } // a transfer would keep the joint configuration from being left
        Progress peer = _peers[index];
        bool fit = _members.IsIncoming(_preferred) && !peer.NeedsState && !peer.HasNoRoom && peer.State == ProgressState.Replicate &&
            peer.Match + RaftLimits.CaughtUpEntries >= _log.LastIndex && IsPeerAlive(index, now);
        if (!fit) { return; }
        // Not again soon: whoever refuses, or loses the election, must not cost the group its leases over and over.
        _nextAutoTransfer = now + (20 * _config.ElectionTimeoutNanos);
        Reached.Mark("raft: leadership handed to the preferred leader");
        _ = TransferLeadership(_preferred, now, effects);
    }

    // ---- changes of membership ----

    /// <summary>Index of the entry that brought <see cref="Members"/>; 0 = the group was founded with them.</summary>
    public LogIndex MembersIndex => _configs.CurrentIndex;

    /// <summary>A change is under way: the configuration is joint, or its entry is not known to be committed.</summary>
    public bool IsChanging => _members.IsJoint || _configs.CurrentIndex > _commit;

    /// <summary>The configuration at an index that the log still reaches (or of its base): what a state up to there carries, whether
    /// stored or handed over.</summary>
    /// <param name="since">Index of the entry that brought it; 0 = the group was founded with it.</param>
    public RaftMembers MembersAt(LogIndex index, out LogIndex since) => _configs.At(index, out since);

    /// <summary>Index of the first configuration in the log behind <paramref name="after"/>.</summary>
    public bool TryNextMembers(LogIndex after, out LogIndex next) => _configs.TryNext(after, out next);

    /// <summary>What has to be proposed now so that <paramref name="target"/> becomes the configuration.</summary>
    /// <param name="target">Voters and learners; not joint.</param>
    /// <param name="next">With None: the configuration to append and to hand to <see cref="ProposeMembers"/>, or null when the target
    /// is reached. Else null.</param>
    /// <param name="known">Configurations up to this index are known outside of the group: nobody becomes a voter before it is known
    /// as a learner.</param>
    /// <returns>None; Stale = not the leader; Busy = a change or a transfer is under way, ask again; Again = new voters are not there
    /// or not caught up or not known, or a majority of the target is not there; Invalid = no configuration that a group could have.</returns>
    public Errno PlanChange(RaftMembers target, LogIndex known, long now, out RaftMembers? next)
    {
        next = null;
        if (_role != RaftRole.Leader) { return Errno.Stale; }
        if (target.IsJoint || !target.IsValid) { return Errno.Invalid; }
        // Not before an entry of this term is committed: else an uncommitted change of an older term, on a majority of other
        // voters, could come back beside this one.
        if (!IsReady || IsChanging || !_transferee.IsNone) { return Errno.Busy; }
        if (target.IsSame(_members)) { return Errno.None; }
        // Members are told apart by number: a new device under an old number has to wait until the old one is out.
        if (!target.AgreesOnDevices(_members)) { return Errno.Invalid; }
        RaftMembers learning = _members.With(_members.Voters, default, LearnersBefore(target), target);
        bool isLearning = learning.IsSame(_members);
        RaftMembers step = isLearning ? _members.With(target.Voters, _members.Voters, target.Learners, target) : learning;
        if (!step.IsValid) { return Errno.Invalid; }
        if (isLearning && !IsFitToVote(target.Voters, known, now)) { return Errno.Again; }
        next = step;
        return Errno.None;
    }

    /// <summary>The same, where nobody outside has to know.</summary>
    public Errno PlanChange(RaftMembers target, long now, out RaftMembers? next) =>
        PlanChange(target, new LogIndex(ulong.MaxValue), now, out next);

    /// <summary>Leader: the joint configuration is committed, and can be left.</summary>
    /// <param name="next">To be appended and handed to <see cref="ProposeMembers"/>.</param>
    public bool TryPlanLeave([NotNullWhen(true)] out RaftMembers? next)
    {
        bool committed = _configs.CurrentIndex <= _commit || Sabotage.Is(SabotageKind.LeaveBeforeCommit);
        bool due = IsReady && _members.IsJoint && committed && _transferee.IsNone;
        next = due ? _members.Left() : null;
        return due;
    }

    /// <summary>Adds an entry of kind Config that the host has appended to its log under <see cref="NextIndex"/> and
    /// <see cref="Term"/>. It is in force at once.</summary>
    /// <param name="next">What <c>PlanChange</c> or <see cref="TryPlanLeave"/> has just said.</param>
    public LogIndex ProposeMembers(RaftMembers next, long now, Effects effects)
    {
        Invariant.Require(next.IsValid);
        Invariant.Require(_transferee.IsNone);
        LogIndex index = Propose(now, effects);
        _configs.Append(index, next);
        UseConfig(now, effects);
        return index;
    }

    /// <summary>Who has to listen before <paramref name="target"/> can be voted in.</summary>
    private NodeId[] LearnersBefore(RaftMembers target)
    {
        NodeId[] learners = new NodeId[target.All.Length];
        int count = 0;
        foreach (NodeId id in target.All)
        {
            if (!_members.IsVoter(id)) { learners[count++] = id; }
        }
        return learners[..count];
    }

    /// <summary>Do the new ones among these voters follow closely, and is a majority of all of them there? What is begun with
    /// anybody else might never end.</summary>
    private bool IsFitToVote(NodeId[] voters, LogIndex known, long now)
    {
        int alive = 0;
        foreach (NodeId id in voters)
        {
            int index = PeerIndex(id);
            bool isAlive = index < 0 || IsPeerAlive(index, now); // not among the peers: it is this node
            if (isAlive && (index < 0 || !_peers[index].NeedsState)) { alive++; } // who needs the state may have lost the right to vote
            if (index < 0 || _members.IsVoter(id)) { continue; }
            Progress peer = _peers[index];
            // It has to hold the entry that names it: all before it is what a predecessor may have known. Close to the commit
            // index, not to the end of the log, which is out of reach while much is under way.
            bool caughtUp = _configs.CurrentIndex <= known && peer.State == ProgressState.Replicate && !peer.NeedsState && !peer.HasNoRoom &&
                peer.Match >= _configs.CurrentIndex && peer.Match + RaftLimits.CaughtUpEntries >= _commit;
            if (!isAlive || !caughtUp) { return false; }
        }
        return alive >= Quorum.Majority(voters.Length);
    }

    /// <summary>The log is cut off from here on: an older configuration counts again.</summary>
    private void TakeBackConfigs(LogIndex from, long now, Effects effects)
    {
        if (_configs.CurrentIndex < from) { return; }
        Reached.Mark("raft: configuration taken back");
        _configs.Truncate(from);
        if (!Sabotage.Is(SabotageKind.ConfigNotTakenBack)) { UseConfig(now, effects); }
    }

    /// <summary>Brings what is derived from the configuration in line with the newest of the log.</summary>
    private void UseConfig(long now, Effects effects)
    {
        RaftMembers members = Sabotage.Is(SabotageKind.ConfigFromCommit) ? _configs.At(_commit, out _) : _configs.Current;
        if (members == _members) { return; }
        Progress[] before = _peers;
        _members = members;
        _peers = MakePeers(members, before, now);
        effects.MembersChanged = true;
        effects.SendDue = true;
        if (_role != RaftRole.Leader) { return; }
        // Somebody may have been a member under the same number under this very leader, and its answers may still be on their way.
        long since = Math.Max(now, _lastStamp) + 1;
        _readFloor = Math.Max(_readFloor, since);
        foreach (Progress peer in _peers)
        {
            if (Array.IndexOf(before, peer) < 0) { peer.Since = since; }
        }
        _deadline = Math.Min(_deadline, now + _config.HeartbeatNanos);
        ConfirmReads(effects); // those who stay may have confirmed them all, and say nothing more
    }

    /// <summary>The other members; what is known of those who were there before is kept.</summary>
    private Progress[] MakePeers(RaftMembers members, Progress[] before, long now)
    {
        ReadOnlySpan<NodeId> all = members.All;
        Progress[] peers = new Progress[members.IsMember(_self) ? all.Length - 1 : all.Length];
        int count = 0;
        foreach (NodeId id in all)
        {
            if (id == _self) { continue; }
            Progress? peer = Array.Find(before, p => p.Id == id);
            if (peer == null)
            {
                peer = new Progress(id, false, _config);
                peer.Reset(NextIndex, now);
            }
            peer.IsVoter = members.IsVoter(id);
            peers[count++] = peer;
        }
        return peers;
    }

    /// <summary>Leader, after the commit index moved and now and then: a joint configuration that is committed is left, whoever has
    /// proposed it; who is no voter any more makes room.</summary>
    private void TendMembers(long now, Effects effects)
    {
        if (!IsReady) { return; }
        if (_members.IsJoint) { effects.LeaveDue |= TryPlanLeave(out _); }
        else if (_configs.CurrentIndex <= _commit && !_members.IsVoter(_self)) { Retire(now, effects); }
    }

    /// <summary>The configuration without this leader is committed (Raft §6): it has led long enough.</summary>
    private void Retire(long now, Effects effects)
    {
        Reached.Mark("raft: removed leader steps down");
        Progress? best = null;
        foreach (Progress peer in _peers)
        {
            if (peer.IsVoter && !peer.NeedsState && (best == null || peer.Match > best.Match)) { best = peer; }
        }
        BecomeFollower(_term, NodeId.None, now, effects);
        if (best == null) { return; }
        // Nothing rests on the lease any more, so nobody needs to wait for an election timeout.
        RaftMessage message = Message(MessageKind.TimeoutNow, best.Id);
        Send(in message, effects);
    }

    /// <summary>What a majority of the configuration in force has reached, given the value of each member.</summary>
    /// <param name="own">This node's value.</param>
    /// <param name="incomingOnly">The defect that forgets the outgoing voters here.</param>
    private long MajorityOf(ReadOnlySpan<long> values, long own, SabotageKind incomingOnly)
    {
        if (Sabotage.Is(incomingOnly)) { return Quorum.OfSet(_members.VoterPlaces, values); }
        if (Sabotage.Is(SabotageKind.LearnerCounts)) { return Quorum.Of(values.ToArray()); }
        if (Sabotage.Is(SabotageKind.RemovedLeaderCounts) && !_members.IsVoter(_self))
        {
            long[] more = [.. values, own];
            Array.Sort(more);
            return more[^Quorum.Majority(_members.Voters.Length)];
        }
        return Quorum.Of(_members, values);
    }
}

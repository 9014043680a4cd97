using Fastblock.Native.Base;

namespace Fastblock.Raft;

// Who leads among the members: transfer of leadership (thesis §3.10) and the preferred leader.
// Membership itself is fixed for now: RaftMembers and every majority here know joint configurations (Raft §6), and entries of
// kind Config carry them, but nothing proposes one yet. A change will be acted on in this file, when such an entry is
// appended, and taken back when it is cut off.
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
        if (index < 0 || !_peers[index].IsVoter || _peers[index].NeedsState) { return Errno.Invalid; }
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
        if (index < 0) { return; }
        Progress peer = _peers[index];
        bool fit = peer.IsVoter && !peer.NeedsState && !peer.HasNoRoom && peer.State == ProgressState.Replicate &&
            peer.Match + RaftLimits.CaughtUpEntries >= _log.LastIndex && IsPeerAlive(index, now);
        if (!fit) { return; }
        // Not again soon: whoever refuses, or loses the election, must not cost the group its leases over and over.
        _nextAutoTransfer = now + (20 * _config.ElectionTimeoutNanos);
        Reached.Mark("raft: leadership handed to the preferred leader");
        _ = TransferLeadership(_preferred, now, effects);
    }
}

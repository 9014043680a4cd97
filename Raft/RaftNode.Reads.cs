using System;
using Fastblock.Native.Base;

namespace Fastblock.Raft;

// Linearizable reads: lease (thesis §6.4.1) and read-index (thesis §6.4).
internal sealed partial class RaftNode
{
    /// <summary>The stamp of this node for itself: later than any, with room for arithmetic.</summary>
    private const long AlwaysAgrees = long.MaxValue / 2;

    /// <param name="After">Confirmed by a message that was stamped later than this.</param>
    private readonly record struct PendingRead(ulong Context, LogIndex Index, long After);

    private readonly RingQueue<PendingRead> _reads = new(4, RaftLimits.MaxPendingReads);

    /// <summary>Every stamp from now on is at least this: later than the registration of every pending read.</summary>
    private long _readFloor;

    /// <summary>Somebody was asked to campaign regardless of leases: nothing may rest on ours in this term any more.</summary>
    private bool _leaseGivenUp;

    /// <summary>Does this node hold the lease: is it certain at <paramref name="freshNow"/> that nobody else leads?</summary>
    /// <param name="freshNow">A sample of the clock taken after the request was: the process may have been stopped in between.</param>
    public bool HoldsLease(long freshNow)
    {
        if (Sabotage.Is(SabotageKind.ReadWithoutLease) && _role == RaftRole.Leader) { return true; }
        if (!_config.Lease || _leaseGivenUp || !IsReady) { return false; }
        long lease = Sabotage.Is(SabotageKind.LeaseWithoutDriftBound) ? _config.LeaseNanos * 8 : _config.LeaseNanos;
        return QuorumStamp() > freshNow - lease;
    }

    /// <summary>Asks for a confirmation of leadership. The outcome comes as an effect, now or later.</summary>
    /// <returns>False = too many wait; nothing will come.</returns>
    public bool TryReadIndex(ulong context, long now, Effects effects)
    {
        if (_role != RaftRole.Leader)
        {
            effects.Reads.PushBack(new ReadOutcome(context, default, Confirmed: false));
            return true;
        }
        // Before its own first entry is committed, a leader does not know what is (Raft §8): reads wait for it.
        LogIndex index = LogIndex.Max(_commit, _noOpIndex);
        // Several things happen at one time of the loop; a message stamped before the read must not confirm it.
        long after = Math.Max(now, _lastStamp);
        if (!_reads.TryPushBack(new PendingRead(context, index, after))) { return false; }
        _readFloor = Math.Max(_readFloor, after + 1);
        foreach (Progress peer in _peers) { peer.NeedsRound |= peer.IsVoter; }
        _deadline = Math.Min(_deadline, now + _config.HeartbeatNanos);
        effects.SendDue = true;
        ConfirmReads(effects); // a group of one voter needs no round
        return true;
    }

    /// <summary>Merged heartbeats were acknowledged: they confirm like messages of the group.</summary>
    public void OnHeartbeatsAcked(Effects effects)
    {
        if (_role == RaftRole.Leader && !_reads.IsEmpty) { ConfirmReads(effects); }
    }

    /// <summary>True while reads wait for a confirmation.</summary>
    public bool HasPendingReads => !_reads.IsEmpty;

    private void ConfirmReads(Effects effects)
    {
        if (_reads.IsEmpty) { return; }
        long stamp = QuorumStamp();
        while (!_reads.IsEmpty && _reads[0].After < stamp)
        {
            PendingRead read = _reads.PopFront();
            effects.Reads.PushBack(new ReadOutcome(read.Context, read.Index, Confirmed: true));
        }
    }
}

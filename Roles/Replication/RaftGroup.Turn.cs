using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Replication;

// The group's part of a turn: everything that the role hears.
internal sealed partial class RaftGroup
{
    private readonly RingQueue<ConfirmedRead> _confirmedReads = new(4);
    private readonly RingQueue<(IProposalWaiter Waiter, LogIndex Index)> _dropped = new(4);
    private readonly RingQueue<NodeId> _handOvers = new(4);
    private bool _toldLeader;
    private bool _toldReady;
    private Term _toldTerm;
    private bool _corruptionUntold;
    private LogIndex _releaseWanted;

    internal void RunTurn()
    {
        if (_isClosed)
        {
            TellClosed();
            return;
        }
        bool news = TellLeadership();
        news |= ApplyCommitted();
        TellDropped();
        TellReads();
        while (_handOvers.TryPopFront(out NodeId peer))
        {
            int at = _node.PeerIndex(peer);
            if (IsLeader && at >= 0) { Machine.OnNeedsHandOver(peer, _node.Peers[at].Match); }
        }
        if (_corruptionUntold)
        {
            _corruptionUntold = false;
            Machine.OnCorrupted();
        }
        if (_releaseWanted > Released)
        {
            LogIndex wanted = _releaseWanted;
            _releaseWanted = default;
            Machine.OnReleaseWanted(wanted);
        }
        if (news) { Machine.OnIteration(); }
        if (!_isClosed) { TendMembers(); }
        if (!_isClosed) { SendDue(); }
    }

    /// <returns>True when the state machine was told anything.</returns>
    private bool TellLeadership()
    {
        bool leads = _node.IsLeader;
        if (leads == _toldLeader && (!leads || _node.Term == _toldTerm)) { return false; }
        if (_toldLeader)
        {
            // What is committed is still answered; what becomes of the rest is for the next leader to say.
            _ = ApplyCommitted();
            for (int i = 0; i < _pending.Count; i++)
            {
                ref PendingEntry entry = ref _pending[i];
                if (entry.Waiter is not { } waiter) { continue; }
                entry.Waiter = null;
                _dropped.PushBack((waiter, _applied + (ulong)i + 1));
            }
            _toldLeader = false;
            _toldReady = false;
            _host.Log.Info($"group {Id}: no longer leads in term {_toldTerm}; now term {_node.Term}, leader {_node.Leader}");
            Machine.OnLeadership(leader: false, _node.Term);
            foreach (GroupPeer peer in _peers) { ReturnReader(peer); }
            _present.Clear();
        }
        if (leads)
        {
            _toldLeader = true;
            _toldReady = false;
            _toldTerm = _node.Term;
            _host.Log.Info($"group {Id}: leads in term {_node.Term}");
            Machine.OnLeadership(leader: true, _node.Term);
        }
        return true;
    }

    private bool ApplyCommitted()
    {
        LogIndex end = _node.Applicable;
        if (IsRecovering || _applied >= end) { return false; }
        long bytes = 0;
        while (_applied < end)
        {
            PendingEntry entry = _pending.PopFront();
            _applied = _applied.Next;
            bytes += Cost(in entry);
            Account(-Cost(in entry));
            if (entry.Kind == EntryKind.Data) { Apply(in entry); }
            if (entry.Kind == EntryKind.Config) { SaveMembers(cleaning: false); }
            _host.Bytes.Return(entry.Bytes);
            entry.Waiter?.OnCommitted(_applied);
        }
        _host.OnApplied(bytes);
        if (_toldLeader && !_toldReady && _node.IsReady && _applied >= _node.NoOpIndex && _node.Term == _toldTerm)
        {
            _toldReady = true;
            Machine.OnLeaderReady(_toldTerm);
        }
        return true;
    }

    private void Apply(in PendingEntry entry)
    {
        LogLocation at = entry.PayloadAt;
        // The log's cleaner may have moved the entry since it was appended.
        if (entry.PayloadBytes > 0)
        {
            bool found = _host.DiskLog.TryGetPayloadAt(Id, _applied.Value, out at);
            Invariant.Require(found);
        }
        Machine.Apply(new AppliedEntry
        {
            Index = _applied,
            Term = entry.Term,
            Header = entry.Header,
            PayloadBytes = entry.PayloadBytes,
            PayloadAt = at,
            Crcs = entry.Crcs,
            Waiter = entry.Waiter,
        });
    }

    private void TellDropped()
    {
        while (_dropped.TryPopFront(out (IProposalWaiter Waiter, LogIndex Index) dropped)) { dropped.Waiter.OnDropped(dropped.Index); }
    }

    private void TellReads()
    {
        // Confirmed in order, and applied in order: the first that has to wait ends the round.
        while (!_confirmedReads.IsEmpty)
        {
            ConfirmedRead read = _confirmedReads[0];
            if (!read.Failed && IsLeader && _applied < read.Index) { return; }
            _ = _confirmedReads.PopFront();
            if (read.Failed || _applied < read.Index) { read.Waiter.OnReadFailed(); } else { read.Waiter.OnReadable(read.Index); }
        }
    }

    private void TellClosed()
    {
        TellDropped();
        while (_unconfirmedReads.TryPopFront(out IReadWaiter? waiter)) { waiter.OnReadFailed(); }
        while (_confirmedReads.TryPopFront(out ConfirmedRead read)) { read.Waiter.OnReadFailed(); }
    }
}

using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Raft;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Mon;

/// <summary>Raft's side: committed entries become changes of the store, in memory at once, on the device behind.</summary>
internal sealed partial class MonServer
{
    private readonly TransactionParts _parts = new();

    /// <summary>Up to here the store holds everything, and no transaction was half collected.</summary>
    private ulong _completeIndex;

    private ulong _releaseWanted;
    private long _leadsSince;
    private bool _lastApplyTookEffect;

    private string? OpenStoredGroup(StoredGroup stored)
    {
        if (stored.Id != GroupId) { return "the device holds groups that are not a monitor's"; }
        SetPeers();
        _completeIndex = _disk.DurableApplied;
        Errno status = _host!.OpenGroup(stored, this, new LogIndex(_disk.DurableApplied), out _group);
        return status is Errno.None ? null : $"cannot open the monitor's log: {status}";
    }

    Errno IStateMachine.Reserve(in EntryView entry) => _disk.HasFailed ? Errno.Io : Errno.None;

    void IStateMachine.OnDropped(in EntryView entry) { }

    void IStateMachine.Apply(in AppliedEntry entry)
    {
        StoreTransaction? transaction = _parts.Add(entry.Header);
        _lastApplyTookEffect = transaction is not null && _store.TryApply(transaction);
        if (_parts.IsOpen) { return; }
        _completeIndex = entry.Index.Value;
        if (!_lastApplyTookEffect) { return; }
        Counters.Transactions++;
        FollowMap();
        _disk.Add(transaction!, _store.Revision, _completeIndex);
    }

    void IStateMachine.OnLeadership(bool leader, Term term)
    {
        _log.Info(leader ? $"mon.{_identity.MonId} leads in term {term.Value}" : $"mon.{_identity.MonId} does not lead any more");
        if (leader) { _runtime.Reset(_reactor.NowNanos); }
        else
        {
            _group?.SetTarget(null);
            RefuseQueued();
        }
    }

    void IStateMachine.OnLeaderReady(Term term)
    {
        _leadsSince = _reactor.NowNanos;
        // Applying and waiting for the first commit took time that the others are not to blame for.
        _runtime.ExtendGrace(_reactor.NowNanos);
        if (_store.Map.Cluster is null) { EnqueueFounding(); }
    }

    void IStateMachine.OnNeedsHandOver(NodeId peer, LogIndex peerLast) => StartHandOver(peer);

    void IStateMachine.OnReleaseWanted(LogIndex upTo)
    {
        // Entries that changed nothing (a new leader's first one) leave no trace in the store, so the state is written anew.
        _releaseWanted = System.Math.Max(_releaseWanted, upTo.Value);
        if (!_parts.IsOpen) { _completeIndex = System.Math.Max(_completeIndex, upTo.Value); }
        if (_disk.DurableApplied < _releaseWanted && _disk.IsDurable) { _disk.AddState(_store.Revision, _completeIndex); }
        FlushDisk();
    }

    void IStateMachine.OnCorrupted() => _log.Error("the monitor's log lost records: this monitor no longer votes");

    void IStateMachine.OnIteration()
    {
        Pump();
        FlushDisk();
        PumpWatches();
    }

    private void FlushDisk()
    {
        _ = _disk.TryFlush();
        if (_releaseWanted > 0 && _disk.DurableApplied > 0 && _group is not null && _installing is null)
        {
            _group.ReleaseLog(new LogIndex(System.Math.Min(_releaseWanted, _disk.DurableApplied)));
            if (_disk.DurableApplied >= _releaseWanted) { _releaseWanted = 0; }
        }
    }
}

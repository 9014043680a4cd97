using System;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Osd;

/// <summary>The PG's own state on disk: stored before the log lets go of the entries that made it, in as many batches as it
/// takes; <see cref="ReplicatedState"/> says why a crash between two of them does no harm.</summary>
internal sealed partial class PgReplica : ILogListener
{
    private readonly KvBatch _batch = new();

    /// <summary>The log wants to let go of everything up to here.</summary>
    private ulong _releaseWanted;

    /// <summary>The store under way: where it is durable, and up to where entries may go then; 0 = none.</summary>
    private ulong _storeSequence;
    private ulong _storeReleases;

    /// <summary>Reads the state back; call before the group is opened.</summary>
    /// <returns>False when a record is damaged beyond the checksums: a bug or a newer version.</returns>
    public bool TryLoadState(KvStore kv)
    {
        Span<byte> key = stackalloc byte[PgKeys.StateBytes];
        PgKeys.State(Id, key);
        // None = nothing was ever released; sessions may be there already.
        if (kv.TryGet(key, out ReadOnlySpan<byte> stored) && !_state.TryLoad(stored)) { return false; }
        Scrub.Load(kv);
        key[PgKeys.PrefixBytes] = (byte)'r';
        KvScan scan = kv.Scan(key);
        while (scan.Next())
        {
            if (!_state.Refused.TryLoad(scan.Value)) { return false; }
        }
        key[PgKeys.PrefixBytes] = (byte)'i';
        scan = kv.Scan(key);
        while (scan.Next())
        {
            if (!ImageSession.TryLoad(scan.Value, out ImageSession session)) { return false; }
            _state.LoadImage(session);
        }
        return true;
    }

    public void OnReleaseWanted(LogIndex upTo)
    {
        _releaseWanted = Math.Max(_releaseWanted, upTo.Value);
        StoreState();
    }

    /// <summary>Begins to store when that is wanted and none is under way. Without room in the log it goes on in the next
    /// iteration.</summary>
    private void StoreState()
    {
        if (_storeSequence != 0 || Group is null || _releaseWanted <= _storeReleases) { return; }
        AdvanceOverOthers(Group.Applied.Value + 1);
        Invariant.Require(_releaseWanted <= _state.Applied);
        ForgetWhatTheLogDropped();
        if (StoreAll(this, cleaning: true, out ulong sequence) != Errno.None)
        {
            _shard.PumpLater(this);
            return;
        }
        _storeSequence = sequence;
        _storeReleases = _releaseWanted;
    }

    /// <summary>Puts all that is not stored yet into the log. What has room is done, also when the rest has none.</summary>
    /// <param name="cleaning">The cleaner waits for it: it may use the room that is kept for cleaning.</param>
    private Errno StoreAll(ILogListener? listener, bool cleaning, out ulong sequence)
    {
        sequence = 0;
        bool isLast = false;
        while (!isLast)
        {
            _batch.Clear();
            isLast = _state.AddTo(_batch, Id);
            Errno status = _shard.Kv.Commit(_batch, isLast ? listener : null, out sequence, cleaning);
            if (status != Errno.None) { return status; }
            _state.OnStored();
        }
        return Errno.None;
    }

    /// <summary>Entries that were released may come back after a crash, until the log has recorded the group's new base. That
    /// record is in the log before the state that is stored now, so nothing that this forgets is ever met again.</summary>
    private void ForgetWhatTheLogDropped()
    {
        if (!_shard.SharedLog.TryGetGroup(Id, out LogGroupInfo info)) { return; }
        _state.Refused.ForgetUpTo(info.BaseIndex);
        _shard.Objects.ForgetBelow(Id, info.BaseIndex + 1);
    }

    public void OnLogDurable(ulong sequence)
    {
        if (_storeSequence == 0 || sequence < _storeSequence) { return; }
        _storeSequence = 0;
        Group?.ReleaseLog(new LogIndex(_storeReleases));
        if (_releaseWanted > _storeReleases) { StoreState(); }
    }

    /// <summary>The shard hears of it too, and stops.</summary>
    public void OnLogFailed(Errno status) { }
}

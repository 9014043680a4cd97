using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Osd;

/// <summary>The PG's own state on disk: stored as a whole, in one atomic batch, before the log lets go of the entries that
/// made it.</summary>
internal sealed partial class PgReplica : ILogListener
{
    /// <summary>Store when so many sessions changed: a batch must hold them all.</summary>
    private const int StoreAtDirty = 256;

    private readonly KvBatch _batch = new();
    private byte[] _stateBytes = []; // while the state is put together; kept, as every PG stores once per cleaned segment

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
        if (!kv.TryGet(key, out ReadOnlySpan<byte> stored)) { return true; } // nothing was ever released
        if (!_state.TryLoad(stored)) { return false; }
        key[PgKeys.PrefixBytes] = (byte)'i';
        KvScan scan = kv.Scan(key);
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

    /// <summary>Begins to store when that is wanted and none is under way. Without room in the log it is tried again in the
    /// next iteration.</summary>
    private void StoreState()
    {
        if (_storeSequence != 0 || Group is null) { return; }
        if (_releaseWanted <= _storeReleases && _state.Dirty.Count < StoreAtDirty) { return; }
        AdvanceOverOthers(Group.Applied.Value + 1);
        Invariant.Require(_releaseWanted <= _state.Applied);
        ForgetWhatTheLogDropped();
        _batch.Clear();
        bool fits = AddStateTo(_batch);
        Invariant.Require(fits); // StoreAtDirty sessions and a short list of refused entries
        ulong sequence = 0;
        // The cleaner waits for it: it may use the room that is kept for cleaning.
        if (_shard.Kv.Commit(_batch, this, out sequence, cleaning: true) != Errno.None)
        {
            _shard.PumpLater(this);
            return;
        }
        _storeSequence = sequence;
        _storeReleases = _releaseWanted;
        _state.OnStored();
    }

    /// <summary>Entries that were released may come back after a crash, until the log has recorded the group's new base. That
    /// record is in the log before the state that is stored now, so nothing that this forgets is ever met again.</summary>
    private void ForgetWhatTheLogDropped()
    {
        if (!_shard.SharedLog.TryGetGroup(Id, out LogGroupInfo info)) { return; }
        _state.ForgetRefusedUpTo(info.BaseIndex);
        _shard.Objects.ForgetBelow(Id, info.BaseIndex + 1);
    }

    private bool AddStateTo(KvBatch batch)
    {
        Span<byte> key = stackalloc byte[PgKeys.ImageBytes];
        if (_stateBytes.Length < _state.StoredBytes) { _stateBytes = new byte[_state.StoredBytes * 2]; }
        Span<byte> state = _stateBytes.AsSpan(0, _state.StoredBytes);
        _state.Store(state);
        PgKeys.State(Id, key);
        bool fits = batch.TryPut(key[..PgKeys.StateBytes], state);
        Span<byte> value = stackalloc byte[ImageSession.MaxStoredBytes];
        IReadOnlyList<ImageSession> dirty = _state.Dirty;
        for (int i = 0; fits && i < dirty.Count; i++)
        {
            PgKeys.Image(Id, dirty[i].Image, key);
            fits = batch.TryPut(key, value[..dirty[i].Store(value)]);
        }
        foreach (ulong image in _state.Gone)
        {
            PgKeys.Image(Id, new ImageId(image), key);
            fits = fits && batch.TryDelete(key);
        }
        return fits;
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

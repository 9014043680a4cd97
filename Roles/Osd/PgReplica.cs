using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

/// <summary>
/// One replica of a PG: the state machine behind its Raft group. On every replica it applies committed entries to the
/// sessions (<see cref="ReplicatedState"/>) and to the objects (<see cref="ObjectStore"/>); on the leader it also turns
/// client requests into proposals and reads (the other parts of this class).
/// </summary>
internal sealed partial class PgReplica : IStateMachine
{
    private readonly OsdShard _shard;
    private readonly ReplicatedState _state;

    public PgReplica(OsdShard shard, PgId id, int blocksPerObject)
    {
        _shard = shard;
        Id = id;
        BlocksPerObject = blocksPerObject;
        _state = new ReplicatedState(blocksPerObject);
        Scrub = new PgScrub(shard, this);
    }

    /// <summary>This replica's part in scrubs.</summary>
    public PgScrub Scrub { get; }

    public PgId Id { get; }

    /// <summary>Of the pool's object size, fixed when the pool was made.</summary>
    public int BlocksPerObject { get; }

    /// <summary>Null until the group is created or opened.</summary>
    public RaftGroup? Group { get; set; }

    /// <summary>The map's record; null when the map does not (yet) name this PG. Replaced on every change.</summary>
    public PgInfo? Info { get; set; }

    /// <summary>Exists on this OSD's disk.</summary>
    public bool IsDurable { get; set; }

    public ReplicatedState State => _state;

    private bool IsServing => Group is { IsLeader: true, IsReady: true };

    /// <summary>The newest entry that was taken although there was no room for it.</summary>
    private LogIndex _lastBeyondRoom;

    public Errno Reserve(in EntryView entry)
    {
        if (!PgOpHeader.TryRead(entry.Header, BlocksPerObject, out PgOpHeader op)
            || entry.PayloadBytes != op.PayloadBlocks * Units.BlockBytes)
        {
            return Errno.Invalid;
        }
        if (op.PayloadBlocks == 0) { return Errno.None; }
        if (Group is null)
        {
            ReserveLogged(in op);
            return Errno.None;
        }
        Errno status = op.Kind == PgOpKind.Write
            ? _shard.Objects.TryReserve(Id, op.ObjectId, op.FirstBlock, op.Blocks)
            : ReserveEdges(in op);
        if (status != Errno.NoSpace || Group.IsLeader || !_shard.TakesBeyondRoom(entry.PayloadBytes)) { return status; }
        _lastBeyondRoom = entry.Index;
        // A follower has no say in it: the entry is in its leader's log, what makes room again comes behind it, and may
        // wait for this replica's acknowledgement to be committed.
        Reached.Mark("osd: follower takes an entry beyond its room");
        ReserveLogged(in op);
        return Errno.None;
    }

    /// <summary>The entry is in a log already, here (the group is being opened) or at the leader, and may be committed: it is not
    /// refused.</summary>
    private void ReserveLogged(in PgOpHeader op)
    {
        if (op.Kind == PgOpKind.Write)
        {
            _shard.Objects.ReserveLogged(Id, op.ObjectId, op.FirstBlock, op.Blocks);
            return;
        }
        for (int i = 0; i < op.PayloadBlocks; i++)
        {
            bool isFirst = i == 0 && (op.Flags & PgOpHeader.FirstBlockInPayload) != 0;
            _shard.Objects.ReserveLogged(Id, op.ObjectId, isFirst ? op.FirstBlock : op.FirstBlock + op.Blocks - 1, 1);
        }
    }

    /// <summary>WriteZeroes: one reservation for each edge block that travels.</summary>
    private Errno ReserveEdges(in PgOpHeader op)
    {
        bool hasFirst = (op.Flags & PgOpHeader.FirstBlockInPayload) != 0;
        if (hasFirst)
        {
            Errno status = _shard.Objects.TryReserve(Id, op.ObjectId, op.FirstBlock, 1);
            if (status != Errno.None) { return status; }
        }
        if ((op.Flags & PgOpHeader.LastBlockInPayload) != 0)
        {
            Errno status = _shard.Objects.TryReserve(Id, op.ObjectId, op.FirstBlock + op.Blocks - 1, 1);
            if (status != Errno.None)
            {
                if (hasFirst) { _shard.Objects.Release(Id, op.ObjectId); }
                return status;
            }
        }
        return Errno.None;
    }

    public void OnDropped(in EntryView entry)
    {
        if (entry.Index == _lastBeyondRoom)
        {
            // The log did not take it: it comes again, and again.
            _shard.GiveBackBeyondRoom(entry.PayloadBytes);
            _lastBeyondRoom = default;
        }
        if (PgOpHeader.TryRead(entry.Header, BlocksPerObject, out PgOpHeader op)) { ReleaseRoom(in op); }
    }

    private void ReleaseRoom(in PgOpHeader op)
    {
        int reservations = op.Kind == PgOpKind.Write ? 1 : op.PayloadBlocks;
        for (int i = 0; i < reservations; i++) { _shard.Objects.Release(Id, op.ObjectId); }
    }

    public void Apply(in AppliedEntry entry)
    {
        if (entry.Index.Value <= _state.Applied)
        {
            // A hand-over brought the state and was cut off before the log began anew: the state covers this entry already.
            Relay(in entry);
            return;
        }
        // Reserve has checked the header when the entry was appended; the log's checksums guard it since.
        bool sound = PgOpHeader.TryRead(entry.Header, BlocksPerObject, out PgOpHeader op);
        Invariant.Require(sound);
        AdvanceOverOthers(entry.Index.Value);
        if (op.Kind == PgOpKind.ScrubMark)
        {
            _state.Advance(entry.Index.Value);
            Scrub.OnMark(entry.Index.Value, in op);
            return;
        }
        SessionVerdict verdict = _state.Apply(entry.Index.Value, in op);
        _lastVerdict = verdict;
        if (op.Kind == PgOpKind.PurgeImage)
        {
            _shard.Objects.DeleteImage(Id, op.ImageId, entry.Index.Value);
            OnImagePurged(op.ImageId);
            return;
        }
        if (op.Kind == PgOpKind.CutImage && verdict == SessionVerdict.Fresh)
        {
            _cuts++;
            CutObjects(in op, entry.Index.Value);
        }
        if (op.Blocks > 0)
        {
            if (verdict == SessionVerdict.Fresh) { ApplyToObject(in op, in entry); }
            else
            {
                Reached.Mark("osd: entry refused at apply");
                ReleaseRoom(in op);
            }
        }
    }

    /// <summary>Lays an entry that the stored state already covers over the objects again: its blocks may not be home.</summary>
    public void Relay(in AppliedEntry entry)
    {
        Reached.Mark("osd: entry laid over the objects again");
        bool sound = PgOpHeader.TryRead(entry.Header, BlocksPerObject, out PgOpHeader op);
        Invariant.Require(sound);
        if (op.Kind == PgOpKind.PurgeImage)
        {
            _shard.Objects.DeleteImage(Id, op.ImageId, entry.Index.Value);
            return;
        }
        if ((op.Blocks == 0 && op.Kind != PgOpKind.CutImage) || _state.Refused.Contains(entry.Index.Value)) { return; }
        if (op.Kind == PgOpKind.CutImage) { CutObjects(in op, entry.Index.Value); }
        if (op.Blocks > 0) { ApplyToObject(in op, in entry); }
    }

    /// <summary>The objects that lie wholly beyond the new size; the one that it goes through is in the entry's range, if it is of
    /// this PG and anything of it goes.</summary>
    private void CutObjects(in PgOpHeader op, ulong version)
    {
        ulong objectBytes = (ulong)BlocksPerObject * Units.BlockBytes;
        _shard.Objects.CutImage(Id, op.ImageId, (uint)((op.ImageBytes + objectBytes - 1) / objectBytes), version);
    }

    private void ApplyToObject(in PgOpHeader op, in AppliedEntry entry)
    {
        ObjectStore objects = _shard.Objects;
        ulong version = entry.Index.Value;
        switch (op.Kind)
        {
            case PgOpKind.Write:
                objects.ApplyWrite(Id, op.ObjectId, version, op.FirstBlock, op.Blocks, entry.PayloadAt, entry.Crcs);
                break;
            case PgOpKind.Discard:
                objects.ApplyDiscard(Id, op.ObjectId, version, op.FirstBlock, op.Blocks);
                break;
            case PgOpKind.WriteZeroes or PgOpKind.CutImage:
                ApplyZeroes(in op, in entry);
                break;
        }
    }

    private void ApplyZeroes(in PgOpHeader op, in AppliedEntry entry)
    {
        ObjectStore objects = _shard.Objects;
        ulong version = entry.Index.Value;
        int first = op.FirstBlock, end = op.FirstBlock + op.Blocks, taken = 0;
        if ((op.Flags & PgOpHeader.FirstBlockInPayload) != 0)
        {
            objects.ApplyWrite(Id, op.ObjectId, version, first++, 1, entry.PayloadAt, entry.Crcs[..1]);
            taken = 1;
        }
        if ((op.Flags & PgOpHeader.LastBlockInPayload) != 0)
        {
            objects.ApplyWrite(Id, op.ObjectId, version, --end, 1, new LogLocation(entry.PayloadAt.DeviceOffset + (taken * Units.BlockBytes)), entry.Crcs.Slice(taken, 1));
        }
        if (end > first) { objects.ApplyWriteZeroes(Id, op.ObjectId, version, first, end - first); }
    }

    /// <summary>Entries that are not ours (no-ops, configurations) are not passed to Apply, but they count.</summary>
    private void AdvanceOverOthers(ulong index)
    {
        while (_state.Applied + 1 < index) { _state.Advance(_state.Applied + 1); }
    }

    public void OnLeadership(bool leader, Term term)
    {
        if (!leader) { RefuseWaiting(); }
    }

    public void OnLeaderReady(Term term)
    {
        ProposePurges();
        PumpWaiting();
    }

    public void OnIteration()
    {
        PumpWaiting();
        StoreState();
    }

    /// <summary>The replica is being deleted: nobody gets an answer here any more.</summary>
    public void OnRemoved() => RefuseWaiting();

    public void OnCorrupted() => _shard.OnPgCorrupted(this);
}

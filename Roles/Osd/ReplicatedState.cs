using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Codec;
using Fastblock.Storage.Kv;

namespace Fastblock.Roles.Osd;

/// <summary>
/// The replicated state of one PG beside its objects: the sessions of its images, how far it is applied, and which of the
/// entries that the log still holds were refused when they were applied. Deterministic: every replica that applies the
/// same entries holds the same state, and refuses the same entries.
/// </summary>
/// <remarks>
/// It is stored whenever the log wants to let old entries go (<see cref="PgReplica"/>), piece by piece: refused entries, then
/// changed sessions, each with the index that it is of, and at last <see cref="Applied"/>. After a restart entries above a
/// session's index are judged again; those at or below it that the log still holds are only laid over the objects again
/// (their blocks may not be home yet), and for that the refused ones must be known.
/// </remarks>
/// <param name="blocksPerObject">Of the pool.</param>
internal sealed class ReplicatedState(int blocksPerObject = DataLimits.MaxObjectBytes / Units.BlockBytes)
{
    /// <summary>Stored form: applied index, epoch of the newest purge.</summary>
    private const int StoredBytes = 16;

    private readonly OrderedTable<ulong, ImageSession> _images = new();
    private readonly List<ImageSession> _dirty = [];
    private readonly SortedSet<ulong> _gone = [];

    /// <summary>What <see cref="AddTo"/> has put into the batch.</summary>
    private int _sessionsInBatch;
    private int _goneInBatch;

    /// <summary>Index of the last applied entry.</summary>
    public ulong Applied { get; private set; }

    /// <summary>Epoch of the newest map by which an image was purged here. What an older map says of an image without a session
    /// counts for nothing: it may be one of those.</summary>
    public Epoch PurgeEpoch { get; private set; }

    /// <summary>By ascending id.</summary>
    public List<ImageSession> Images => _images.Values;

    /// <summary>Sessions that have changed, and images that were forgotten, since they were stored.</summary>
    public IReadOnlyList<ImageSession> Dirty => _dirty;

    /// <summary>Entries, at or below Applied, that changed no data.</summary>
    public RefusedEntries Refused { get; } = new();

    /// <summary>The session state of an image, or null when no owner was ever seen.</summary>
    public ImageSession? Find(ImageId image) => _images.GetValueOrDefault(image.Value);

    /// <summary>Judges an operation as of now. The leader asks before it proposes; the word that counts is the one at apply.</summary>
    public SessionVerdict Judge(in PgOpHeader op)
    {
        ImageSession? session = Find(op.ImageId);
        switch (op.Kind)
        {
            case PgOpKind.OpenSession:
                if (session is null || op.OwnerGeneration > session.OwnerGeneration) { return SessionVerdict.Fresh; }
                if (op.OwnerGeneration < session.OwnerGeneration) { return SessionVerdict.StaleOwner; }
                return session.IsOpen ? SessionVerdict.Duplicate : SessionVerdict.UnknownSession;
            case PgOpKind.CloseSession:
                return session is not null && session.JudgeOwner(op.OwnerGeneration) == SessionVerdict.Fresh
                    ? SessionVerdict.Fresh
                    : SessionVerdict.Duplicate;
            case PgOpKind.PurgeImage:
                return SessionVerdict.Fresh;
            case PgOpKind.CutImage:
                return op.SizeGeneration > (session?.SizeGeneration ?? 0) ? SessionVerdict.Fresh : SessionVerdict.Duplicate;
            default:
                return session is null ? SessionVerdict.UnknownSession : session.Judge(op.OwnerGeneration, op.Sequence, op.LowestUnfinished);
        }
    }

    /// <summary>Judges once more when the entry is applied: since its leader looked at the size, the image may have been cut.</summary>
    private SessionVerdict JudgeRange(in PgOpHeader op)
    {
        ulong endBlock = ((ulong)op.ObjectIndex * (ulong)blocksPerObject) + (ulong)(op.FirstBlock + op.Blocks);
        ulong end = Find(op.ImageId)!.EndFor(op.ImageBytes, op.SizeGeneration);
        if (endBlock <= (end + Units.BlockBytes - 1) / Units.BlockBytes || Sabotage.Is(SabotageKind.CutsForgotten)) { return SessionVerdict.Fresh; }
        Reached.Mark("osd: write beyond a cut refused at apply");
        return SessionVerdict.BeyondSize;
    }

    /// <summary>Applies the session part of the next entry.</summary>
    /// <returns>Fresh = the caller changes the objects accordingly; anything else = the entry changes no data.</returns>
    public SessionVerdict Apply(ulong index, in PgOpHeader op)
    {
        Advance(index);
        if (Find(op.ImageId) is { } stored && index <= stored.AsOf)
        {
            return Refused.Contains(index) ? SessionVerdict.Duplicate : SessionVerdict.Fresh;
        }
        SessionVerdict verdict = Judge(in op);
        switch (op.Kind)
        {
            case PgOpKind.OpenSession:
                if (verdict == SessionVerdict.Fresh)
                {
                    ImageSession session = FindOrAdd(op.ImageId);
                    _ = session.Open(op.OwnerGeneration, op.ImageBytes, op.SizeGeneration);
                    MarkDirty(session);
                }
                break;
            case PgOpKind.CloseSession:
                if (verdict == SessionVerdict.Fresh)
                {
                    ImageSession session = Find(op.ImageId)!;
                    session.Close(op.OwnerGeneration);
                    MarkDirty(session);
                }
                break;
            case PgOpKind.PurgeImage:
                PurgeEpoch = new Epoch(Math.Max(PurgeEpoch.Value, op.Sequence));
                if (_images.Remove(op.Image, out ImageSession? purged))
                {
                    if (purged.IsDirty) { _ = _dirty.Remove(purged); }
                    _ = _gone.Add(op.Image);
                }
                break;
            case PgOpKind.CutImage:
                if (verdict == SessionVerdict.Fresh)
                {
                    ImageSession session = FindOrAdd(op.ImageId);
                    _ = session.TryCut(op.ImageBytes, op.SizeGeneration);
                    MarkDirty(session);
                }
                else
                {
                    Refused.Add(index);
                }
                break;
            default:
                if (verdict == SessionVerdict.Fresh) { verdict = JudgeRange(in op); }
                if (verdict == SessionVerdict.Fresh)
                {
                    ImageSession session = Find(op.ImageId)!;
                    session.Record(op.Sequence, op.LowestUnfinished, op.ImageBytes, op.SizeGeneration);
                    MarkDirty(session);
                }
                else
                {
                    Refused.Add(index);
                }
                break;
        }
        return verdict;
    }

    /// <summary>The next entry was applied without an operation of ours (a leader's no-op, a configuration).</summary>
    public void Advance(ulong index)
    {
        Invariant.Require(index == Applied + 1);
        Applied = index;
    }

    /// <summary>Takes the stored index; sessions and refused entries follow.</summary>
    /// <returns>False when the record is not one.</returns>
    public bool TryLoad(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != StoredBytes) { return false; }
        Applied = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        PurgeEpoch = new Epoch(BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));
        return true;
    }

    /// <summary>Takes a session that was stored or received.</summary>
    public void LoadImage(ImageSession session)
    {
        session.IsDirty = false;
        _images.Set(session.Image.Value, session);
    }

    /// <summary>Forgets everything, before another replica's state is taken over.</summary>
    public void Clear()
    {
        foreach (ImageSession session in _images.Values) { _ = _gone.Add(session.Image.Value); }
        _images.Clear();
        _dirty.Clear();
        Refused.Clear();
        Applied = 0;
        PurgeEpoch = default;
    }

    /// <summary>Takes the epoch that comes with another replica's sessions.</summary>
    public void LoadPurgeEpoch(Epoch epoch) => PurgeEpoch = epoch;

    /// <summary>Replaces everything by another replica's sessions as of <paramref name="applied"/>; nothing of it is stored here
    /// yet. May be repeated.</summary>
    public void TakeOver(ReplicatedState received, ulong applied)
    {
        Clear();
        Applied = applied;
        PurgeEpoch = received.PurgeEpoch;
        foreach (ImageSession session in received.Images)
        {
            LoadImage(session);
            MarkDirty(session);
        }
    }

    private void MarkDirty(ImageSession session)
    {
        if (session.IsDirty) { return; }
        session.IsDirty = true;
        _dirty.Add(session);
        if (_gone.Count > 0) { _ = _gone.Remove(session.Image.Value); }
    }

    /// <summary>Adds to a batch what is not stored yet: refused entries, then forgotten images and changed sessions, at last the
    /// state record.</summary>
    /// <returns>True when the state record is in it; false when the batch became full before that: store it, then go on with
    /// another one.</returns>
    public bool AddTo(KvBatch batch, PgId pg)
    {
        (_sessionsInBatch, _goneInBatch) = (0, 0);
        return Refused.AddTo(batch, pg) && AddGone(batch, pg) && AddSessions(batch, pg) && AddRecord(batch, pg);
    }

    private bool AddGone(KvBatch batch, PgId pg)
    {
        if (_gone.Count == 0) { return true; } // a walk over nothing would allocate
        Span<byte> key = stackalloc byte[PgKeys.ImageBytes];
        foreach (ulong image in _gone)
        {
            PgKeys.Image(pg, new ImageId(image), key);
            if (!batch.TryDelete(key)) { return false; }
            _goneInBatch++;
        }
        return true;
    }

    private bool AddSessions(KvBatch batch, PgId pg)
    {
        Span<byte> key = stackalloc byte[PgKeys.ImageBytes];
        Span<byte> value = stackalloc byte[ImageSession.MaxStoredBytes];
        foreach (ImageSession session in _dirty)
        {
            PgKeys.Image(pg, session.Image, key);
            if (!batch.TryPut(key, value[..session.Store(value, Applied)])) { return false; }
            _sessionsInBatch++;
        }
        return true;
    }

    private bool AddRecord(KvBatch batch, PgId pg)
    {
        Span<byte> key = stackalloc byte[PgKeys.StateBytes];
        Span<byte> record = stackalloc byte[StoredBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(record, Applied);
        BinaryPrimitives.WriteUInt64LittleEndian(record[8..], PurgeEpoch.Value);
        PgKeys.State(pg, key);
        return batch.TryPut(key, record);
    }

    /// <summary>The batch of the last <see cref="AddTo"/> is in the log, and nothing was applied since it was put together.</summary>
    public void OnStored()
    {
        Refused.OnStored();
        for (int i = 0; i < _sessionsInBatch; i++) { _dirty[i].IsDirty = false; }
        _dirty.RemoveRange(0, _sessionsInBatch);
        for (; _goneInBatch > 0; _goneInBatch--) { _ = _gone.Remove(_gone.Min); }
        _sessionsInBatch = 0;
    }

    private ImageSession FindOrAdd(ImageId image)
    {
        if (!_images.TryGetValue(image.Value, out ImageSession? session))
        {
            session = new ImageSession(image);
            _images.Add(image.Value, session);
            _ = _gone.Remove(image.Value);
        }
        return session;
    }
}

using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Osd;

/// <summary>
/// The replicated state of one PG beside its objects: the sessions of its images, how far it is applied, and which of the
/// entries that the log still holds were refused when they were applied. Deterministic: every replica that applies the
/// same entries holds the same state, and refuses the same entries.
/// </summary>
/// <remarks>
/// It is stored as a whole, as of <see cref="Applied"/>, whenever the log wants to let old entries go. After a restart the
/// entries above are judged again; those at or below it that the log still holds are only laid over the objects again
/// (their blocks may not be home yet), and for that the refused ones must be known: <see cref="WasRefused"/>.
/// </remarks>
internal sealed class ReplicatedState
{
    /// <summary>Stored form before the list of refused entries: applied index, reserved.</summary>
    private const int StoredHeaderBytes = 16;

    private readonly OrderedTable<ulong, ImageSession> _images = new();
    private readonly List<ImageSession> _dirty = [];
    private readonly SortedSet<ulong> _gone = [];
    private readonly List<ulong> _refused = [];

    /// <summary>Index of the last applied entry.</summary>
    public ulong Applied { get; private set; }

    /// <summary>By ascending id.</summary>
    public SortedDictionary<ulong, ImageSession>.ValueCollection Images => _images.Values;

    /// <summary>Sessions changed, and images forgotten, since <see cref="OnStored"/>.</summary>
    public IReadOnlyList<ImageSession> Dirty => _dirty;
    public IReadOnlyCollection<ulong> Gone => _gone;

    /// <summary>The session state of an image, or null when no owner was ever seen.</summary>
    public ImageSession? Find(ImageId image) => _images.GetValueOrDefault(image.Value);

    /// <summary>True when the entry, at or below Applied, changed no data.</summary>
    public bool WasRefused(ulong index) => _refused.BinarySearch(index) >= 0;

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
            default:
                return session is null ? SessionVerdict.UnknownSession : session.Judge(op.OwnerGeneration, op.Sequence, op.LowestUnfinished);
        }
    }

    /// <summary>Applies the session part of the next entry.</summary>
    /// <returns>Fresh = the caller changes the objects accordingly; anything else = the entry changes no data.</returns>
    public SessionVerdict Apply(ulong index, in PgOpHeader op)
    {
        Advance(index);
        SessionVerdict verdict = Judge(in op);
        switch (op.Kind)
        {
            case PgOpKind.OpenSession:
                if (verdict == SessionVerdict.Fresh)
                {
                    ImageSession session = FindOrAdd(op.ImageId);
                    _ = session.Open(op.OwnerGeneration, op.ImageBytes);
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
                if (_images.Remove(op.Image, out ImageSession? purged))
                {
                    if (purged.IsDirty) { _ = _dirty.Remove(purged); }
                    _ = _gone.Add(op.Image);
                }
                break;
            default:
                if (verdict == SessionVerdict.Fresh)
                {
                    ImageSession session = Find(op.ImageId)!;
                    session.Record(op.Sequence, op.LowestUnfinished, op.ImageBytes);
                    MarkDirty(session);
                }
                else
                {
                    _refused.Add(index);
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

    /// <summary>The log holds nothing at or below <paramref name="index"/> any more.</summary>
    public void ForgetRefusedUpTo(ulong index)
    {
        int keepFrom = 0;
        while (keepFrom < _refused.Count && _refused[keepFrom] <= index) { keepFrom++; }
        _refused.RemoveRange(0, keepFrom);
    }

    /// <summary>What was dirty has been handed to the store.</summary>
    public void OnStored()
    {
        foreach (ImageSession session in _dirty) { session.IsDirty = false; }
        _dirty.Clear();
        _gone.Clear();
    }

    private void MarkDirty(ImageSession session)
    {
        if (session.IsDirty) { return; }
        session.IsDirty = true;
        _dirty.Add(session);
    }

    /// <summary>Replaces everything by a state that was received or stored: first this, then the images.</summary>
    public bool TryLoad(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < StoredHeaderBytes || (bytes.Length - StoredHeaderBytes) % 8 != 0) { return false; }
        Clear();
        Applied = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        for (int at = StoredHeaderBytes; at < bytes.Length; at += 8)
        {
            _refused.Add(BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]));
        }
        return true;
    }

    public void LoadImage(ImageSession session) => _images.Set(session.Image.Value, session);

    /// <summary>Forgets everything, before another replica's state is taken over.</summary>
    public void Clear()
    {
        foreach (ImageSession session in _images.Values) { _ = _gone.Add(session.Image.Value); }
        foreach (ImageSession session in _dirty) { session.IsDirty = false; }
        _images.Clear();
        _dirty.Clear();
        _refused.Clear();
        Applied = 0;
    }

    /// <summary>Replaces everything by another replica's sessions as of <paramref name="applied"/>; nothing of it is stored here
    /// yet. May be repeated.</summary>
    public void TakeOver(ReplicatedState received, ulong applied)
    {
        Clear();
        Applied = applied;
        foreach (ImageSession session in received.Images)
        {
            LoadImage(session);
            _ = _gone.Remove(session.Image.Value);
            MarkDirty(session);
        }
    }

    /// <summary>Bytes that <see cref="Store"/> writes.</summary>
    public int StoredBytes => StoredHeaderBytes + _refused.Count * 8;

    /// <summary>Writes the stored form, without the images, which are stored one by one.</summary>
    public void Store(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Applied);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], 0);
        for (int i = 0; i < _refused.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[(StoredHeaderBytes + i * 8)..], _refused[i]);
        }
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

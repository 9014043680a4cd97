using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Kv;

/// <summary>An ordered map of byte strings in unmanaged memory whose durability is the shard's log. One reactor's thread
/// only. Spans that it hands out are valid until the next change.
/// <para>There is no other copy on disk than the records in the log: the cleaner asks for what is live in the oldest segment
/// and it is appended again. A delete needs no tombstone beyond its own record: when that record's segment is the oldest,
/// no older put is left.</para></summary>
[SuppressMessage("Design", "CA1001", Justification = "Lives as long as its process; the finalizers free what tests leave.")]
internal sealed unsafe class KvStore : IKvLogClient, IDisposable
{
    /// <summary>Bytes copied forward in one record: small enough to fit between other appends.</summary>
    private const int CopyBatchBytes = 32 * 1024;

    private readonly KvIndex _index = new();
    private readonly Dictionary<ulong, nint> _heads = [];
    private readonly KvBatch _copy = new();
    private DiskLog? _log;

    ~KvStore() => FreeHeads();

    public long Count => _index.Count;

    /// <summary>Bytes of all keys and values.</summary>
    public long DataBytes { get; private set; }

    /// <summary>Makes the batch visible at once and durable with the log's next write. The batch may be re-used afterwards.</summary>
    /// <param name="listener">Told when it is durable; may be null.</param>
    /// <param name="cleaning">The commit is part of what the log's cleaner waits for: it may use the room kept for that.</param>
    /// <returns>None; Invalid = the batch is empty; or what <see cref="DiskLog.TryAppendKv"/> says: then nothing has changed.</returns>
    public Errno Commit(KvBatch batch, ILogListener? listener, out ulong sequence, bool cleaning = false)
    {
        sequence = 0;
        if (batch.Count == 0) { return Errno.Invalid; }
        Invariant.Require(_log is not null);
        Errno status = _log.TryAppendKv(batch.Body, cleaning, listener, out sequence, out ulong segment);
        if (status is Errno.None) { Apply(batch.Body, segment); }
        return status;
    }

    public bool TryGet(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        KvIndex.Place place = _index.LowerBound(key, out bool equal);
        value = equal ? KvNode.Value(_index.At(ref place)) : default;
        return equal;
    }

    /// <summary>Pairs whose key begins with <paramref name="prefix"/>, in order of their bytes.</summary>
    public KvScan Scan(ReadOnlySpan<byte> prefix) => new(_index, _index.LowerBound(prefix, out _), prefix);

    public bool OnReplayKv(ReadOnlySpan<byte> operations, ulong segment)
    {
        if (!KvRecordReader.IsSound(operations)) { return false; }
        Apply(operations, segment);
        return true;
    }

    public void OnLogOpened(DiskLog log) => _log = log;

    public Errno CopyForward(ulong segment, out bool more)
    {
        more = false;
        if (!_heads.TryGetValue(segment, out nint found)) { return Errno.None; }
        KvNode* head = (KvNode*)found;
        _copy.Clear();
        for (KvNode* node = head->Next; node != head && _copy.Bytes < CopyBatchBytes; node = node->Next)
        {
            bool added = _copy.TryPut(KvNode.Key(node), KvNode.Value(node));
            Invariant.Require(added);
        }
        if (_copy.Count > 0)
        {
            Invariant.Require(_log is not null);
            Errno status = _log.TryAppendKv(_copy.Body, cleaning: true, null, out _, out ulong target);
            more = true;
            if (status is not Errno.None) { return status; }
            Invariant.Require(target != segment);
            KvNode* targetHead = HeadOf(target);
            for (int i = _copy.Count; i > 0; i--)
            {
                KvNode* node = head->Next;
                KvNode.Unlink(node);
                node->Segment = target;
                KvNode.Link(targetHead, node);
            }
        }
        more = head->Next != head;
        if (!more)
        {
            bool removed = _heads.Remove(segment);
            Invariant.Require(removed);
            KvNode.Free(head);
        }
        return Errno.None;
    }

    /// <summary>For tests.</summary>
    public void CheckInvariants() => _index.CheckInvariants();

    /// <summary>Gives the memory back at once.</summary>
    public void Dispose()
    {
        FreeHeads();
        _index.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Apply(ReadOnlySpan<byte> body, ulong segment)
    {
        KvRecordReader reader = new(body);
        while (reader.TryNext())
        {
            if (reader.Operation is KvOperation.Put) { Put(reader.Key, reader.Value, segment); }
            else { Delete(reader.Key); }
        }
    }

    private void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong segment)
    {
        KvIndex.Place place = _index.LowerBound(key, out bool equal);
        KvNode* node;
        if (equal)
        {
            node = _index.At(ref place);
            KvNode.Unlink(node);
            DataBytes += value.Length - node->ValueBytes;
            if (value.Length > node->ValueCapacity || value.Length < node->ValueCapacity / 2)
            {
                KvNode* other = KvNode.Create(key, value.Length);
                _index.Replace(place, other);
                KvNode.Free(node);
                node = other;
            }
            node->ValueBytes = value.Length;
        }
        else
        {
            node = KvNode.Create(key, value.Length);
            _index.Insert(place, node);
            DataBytes += key.Length + value.Length;
        }
        value.CopyTo(KvNode.Value(node));
        node->Segment = segment;
        KvNode.Link(HeadOf(segment), node);
    }

    private void Delete(ReadOnlySpan<byte> key)
    {
        KvIndex.Place place = _index.LowerBound(key, out bool equal);
        if (!equal) { return; }
        KvNode* node = _index.At(ref place);
        DataBytes -= node->KeyBytes + node->ValueBytes;
        KvNode.Unlink(node);
        _index.RemoveAt(place);
        KvNode.Free(node);
    }

    private KvNode* HeadOf(ulong segment)
    {
        if (_heads.TryGetValue(segment, out nint head)) { return (KvNode*)head; }
        KvNode* made = KvNode.Create(default, 0);
        _heads.Add(segment, (nint)made);
        return made;
    }

    private void FreeHeads()
    {
        foreach (nint head in _heads.Values) { KvNode.Free((KvNode*)head); }
        _heads.Clear();
    }
}

using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Kv;

namespace Fastblock.Roles.Osd;

/// <summary>
/// Indexes of one PG's log entries that changed no data when they were applied, as long as the log may still hold them. That
/// an entry was refused is true for ever, so such a fact may be stored at any time before the sessions that it was judged by.
/// </summary>
/// <remarks>Stored in records of at most <see cref="MaxPerRecord"/> indexes, each under its first index: what is added later
/// goes into records of its own, and a record is deleted when the log has let go of all its entries.</remarks>
internal sealed class RefusedEntries
{
    public const int MaxPerRecord = 1000;

    private readonly List<ulong> _indexes = [];
    private readonly List<ulong> _unsaved = [];
    private readonly List<(ulong First, ulong Last)> _records = [];
    private readonly SortedSet<ulong> _dropped = [];
    private readonly byte[] _bytes = new byte[MaxPerRecord * sizeof(ulong)];

    /// <summary>What <see cref="AddTo"/> has put into the batch.</summary>
    private int _savedInBatch;
    private int _droppedInBatch;

    public bool Contains(ulong index) => _indexes.BinarySearch(index) >= 0;

    /// <summary>Adds an index; known ones are passed over (an entry may be judged again after a restart).</summary>
    public void Add(ulong index)
    {
        int at = _indexes.BinarySearch(index);
        if (at >= 0) { return; }
        _indexes.Insert(~at, index);
        _unsaved.Add(index);
    }

    /// <summary>The log holds nothing at or below <paramref name="index"/> any more.</summary>
    public void ForgetUpTo(ulong index)
    {
        if (_indexes.Count == 0 || _indexes[0] > index) { return; }
        int keepFrom = _indexes.BinarySearch(index);
        _indexes.RemoveRange(0, keepFrom >= 0 ? keepFrom + 1 : ~keepFrom);
        for (int i = _unsaved.Count - 1; i >= 0; i--)
        {
            if (_unsaved[i] <= index) { _unsaved.RemoveAt(i); }
        }
        DropRecords(index);
    }

    /// <summary>Forgets all, what is stored too.</summary>
    public void Clear()
    {
        _indexes.Clear();
        _unsaved.Clear();
        DropRecords(ulong.MaxValue);
    }

    private void DropRecords(ulong upTo)
    {
        for (int i = _records.Count - 1; i >= 0; i--)
        {
            if (_records[i].Last > upTo) { continue; }
            _ = _dropped.Add(_records[i].First);
            _records.RemoveAt(i);
        }
    }

    /// <summary>Takes a stored record.</summary>
    /// <returns>False when it is not one.</returns>
    public bool TryLoad(ReadOnlySpan<byte> value)
    {
        if (value.Length == 0 || value.Length % sizeof(ulong) != 0) { return false; }
        ulong first = BinaryPrimitives.ReadUInt64LittleEndian(value), last = first;
        for (; value.Length > 0; value = value[sizeof(ulong)..])
        {
            ulong index = BinaryPrimitives.ReadUInt64LittleEndian(value);
            int at = _indexes.BinarySearch(index);
            if (at < 0) { _indexes.Insert(~at, index); }
            last = Math.Max(last, index);
        }
        _records.Add((first, last));
        return true;
    }

    /// <summary>Adds to a batch what has changed since it was stored.</summary>
    /// <returns>False when the batch became full before all was in it.</returns>
    public bool AddTo(KvBatch batch, PgId pg)
    {
        (_savedInBatch, _droppedInBatch) = (0, 0);
        Span<byte> key = stackalloc byte[PgKeys.ImageBytes];
        if (_dropped.Count > 0) // a walk over nothing would allocate
        {
            foreach (ulong first in _dropped)
            {
                PgKeys.Refused(pg, first, key);
                if (!batch.TryDelete(key)) { return false; }
                _droppedInBatch++;
            }
        }
        while (_savedInBatch < _unsaved.Count)
        {
            int count = Math.Min(_unsaved.Count - _savedInBatch, MaxPerRecord);
            for (int i = 0; i < count; i++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(i * sizeof(ulong)), _unsaved[_savedInBatch + i]);
            }
            PgKeys.Refused(pg, _unsaved[_savedInBatch], key);
            if (!batch.TryPut(key, _bytes.AsSpan(0, count * sizeof(ulong)))) { return false; }
            _savedInBatch += count;
        }
        return true;
    }

    /// <summary>The batch of the last <see cref="AddTo"/> is in the log.</summary>
    public void OnStored()
    {
        for (; _droppedInBatch > 0; _droppedInBatch--) { _ = _dropped.Remove(_dropped.Min); }
        for (int from = 0; from < _savedInBatch; from += MaxPerRecord)
        {
            int count = Math.Min(_savedInBatch - from, MaxPerRecord);
            ulong last = 0;
            for (int i = from; i < from + count; i++) { last = Math.Max(last, _unsaved[i]); }
            _records.Add((_unsaved[from], last));
        }
        _unsaved.RemoveRange(0, _savedInBatch);
        _savedInBatch = 0;
    }
}

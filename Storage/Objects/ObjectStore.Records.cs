using System;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

internal sealed unsafe partial class ObjectStore
{
    /// <summary>In the dirty queue: a collection, not an onode.</summary>
    private const ulong CollectionTag = 1UL << 32;

    private readonly RingQueue<ulong> _dirty = new(256);
    private ulong _dirtied; // ever put in the queue
    private ulong _lastSequence;
    private uint _staleTail = ChunkedSlab.None;

    /// <summary>The object that has been stale for longest.</summary>
    internal uint StaleHead { get; private set; } = ChunkedSlab.None;

    /// <summary>Onode.StaleSince of the one that came last.</summary>
    internal ulong LastStale { get; private set; }

    internal void MarkDirty(uint number)
    {
        Onode* onode = _onodes[number];
        if (onode->Is(OnodeFlags.Dirty)) { return; }
        onode->Flags |= OnodeFlags.Dirty;
        Enqueue(number);
    }

    /// <summary>Puts it at the end of the stale list.</summary>
    internal void MarkStale(uint number)
    {
        Onode* onode = _onodes[number];
        if (onode->Is(OnodeFlags.Stale)) { return; }
        onode->Flags |= OnodeFlags.Stale;
        onode->StaleSince = ++LastStale;
        onode->NextStale = ChunkedSlab.None;
        onode->PrevStale = _staleTail;
        if (_staleTail != ChunkedSlab.None) { _onodes[_staleTail]->NextStale = number; }
        else { StaleHead = number; }
        _staleTail = number;
    }

    internal void UnlinkStale(uint number)
    {
        Onode* onode = _onodes[number];
        if (!onode->Is(OnodeFlags.Stale)) { return; }
        onode->Flags &= ~OnodeFlags.Stale;
        if (onode->NextStale != ChunkedSlab.None) { _onodes[onode->NextStale]->PrevStale = onode->PrevStale; }
        else { _staleTail = onode->PrevStale; }
        if (onode->PrevStale != ChunkedSlab.None) { _onodes[onode->PrevStale]->NextStale = onode->NextStale; }
        else { StaleHead = onode->NextStale; }
    }

    /// <summary>Adds the object's record (or its deletion) to the batch under construction.</summary>
    /// <returns>False: the batch is full.</returns>
    internal bool TryAddRecord(Onode* onode)
    {
        Span<byte> key = stackalloc byte[OnodeRecord.ObjectKeyBytes];
        OnodeRecord.WriteKey(new ObjectKey(onode->Group, onode->Image, onode->Index), key);
        if (!onode->Is(OnodeFlags.Exists) || onode->HomeVersion == 0) { return _records.TryDelete(key); }
        int bytes = OnodeRecord.Write(
            new OnodeRecord.Header
            {
                Version = onode->HomeVersion,
                CrcPage = onode->CrcPage,
                CrcPageSum = onode->CrcPage == BlobGeometry.None ? 0 : onode->CrcPageSum,
            },
            new ReadOnlySpan<uint>(OnodeTable.Units(onode), _onodes.Slots),
            new ReadOnlySpan<ulong>(_onodes.Present(onode), _onodes.MapWords),
            _options.BlocksPerAu,
            _record);
        return _records.TryPut(key, _record.AsSpan(0, bytes));
    }

    /// <summary>A move home is under way. The log may be full until it ends, so all records may use the cleaner's room: not only
    /// its own, it also waits for those that free space.</summary>
    internal bool CleanerWaits { get; set; }

    /// <summary>Commits the batch under construction.</summary>
    internal Errno CommitRecords(out ulong sequence)
    {
        Errno status = _records.Commit(_durable, CleanerWaits, out sequence);
        if (status is Errno.None) { _lastSequence = Math.Max(_lastSequence, sequence); }
        return status;
    }

    private void MarkDirtyCollection(uint at)
    {
        Collection* collection = _onodes.Collections[at];
        if (collection->Dirty) { return; }
        collection->Dirty = true;
        Enqueue(at | CollectionTag);
    }

    private void Enqueue(ulong what)
    {
        _dirty.PushBack(what);
        _dirtied++;
        StartFlush();
    }

    /// <summary>Commits one batch of what is dirty. What was dropped by now is given up with it when it was all of it.</summary>
    private Errno FlushSome(out ulong sequence, out int count)
    {
        int dropped = _blobs.DroppedCount;
        sequence = _lastSequence;
        count = 0;
        if (_dirty.Count > 0)
        {
            _records.Begin();
            while (count < _dirty.Count && TryAddDirty(_dirty[count])) { count++; }
            Errno status = CommitRecords(out sequence);
            if (status is not Errno.None) { return status; }
        }
        bool all = count == _dirty.Count;
        if (all) { _blobs.CommitDropped(dropped, sequence); }
        for (int i = 0; i < count; i++)
        {
            ulong what = _dirty.PopFront();
            if (what >= CollectionTag) { OnPurgeRecorded((uint)(what - CollectionTag)); }
            else { OnRecorded((uint)what); }
        }
        _statistics.RecordsWritten += count;
        return Errno.None;
    }

    private bool TryAddDirty(ulong what)
    {
        if (what >= CollectionTag) { return TryAddPurge(_onodes.Collections[(uint)(what - CollectionTag)]); }
        Onode* onode = _onodes[(uint)what];
        // Complete at home: then the record may say so.
        if (onode->OverlayCount == 0 && !onode->Is(OnodeFlags.Busy) && onode->Is(OnodeFlags.Exists))
        {
            onode->HomeVersion = onode->Version;
        }
        return TryAddRecord(onode);
    }

    private bool TryAddPurge(Collection* collection)
    {
        Span<byte> key = stackalloc byte[OnodeRecord.PurgeKeyBytes];
        Span<byte> value = stackalloc byte[OnodeRecord.PurgeValueBytes];
        OnodeRecord.WritePurge(new ImageKey(collection->Group, collection->Image), collection->PurgedAt, key, value);
        return collection->PurgedAt > 0 ? _records.TryPut(key, value) : _records.TryDelete(key);
    }

    private void OnRecorded(uint number)
    {
        Onode* onode = _onodes[number];
        onode->Flags &= ~OnodeFlags.Dirty;
        NoteRecorded(onode);
        if (onode->HomeVersion == onode->Version && onode->OverlayCount == 0) { UnlinkStale(number); }
        Settle(number);
    }

    /// <summary>The object's record, or its deletion, has just been committed.</summary>
    internal static void NoteRecorded(Onode* onode)
    {
        bool kept = onode->Is(OnodeFlags.Exists) && onode->HomeVersion > 0;
        onode->Flags = kept ? onode->Flags | OnodeFlags.Recorded : onode->Flags & ~OnodeFlags.Recorded;
    }

    private void OnPurgeRecorded(uint at)
    {
        Collection* collection = _onodes.Collections[at];
        collection->Dirty = false;
        collection->Recorded = collection->PurgedAt > 0;
        _onodes.Collections.RemoveIfIdle(at);
    }
}

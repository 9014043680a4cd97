using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Objects;

// Moving home. A batch is a set of objects; all blocks of an object move together, so that its record can say "version v,
// everything up to v is home".
//
//   1 choose     objects with blocks in the ranges (and stale ones); snapshot: version, overlay entries. Busy from here on.
//   2 place      a unit for every slot that has none (they were promised)
//   3 copy       log -> memory, CRC checked -> home, sorted by home address, neighbours in one request
//   4 checksums  a new page each: the old one with the moved blocks' CRCs, written elsewhere
//   5 flush      data and pages are durable
//   6 record     one or more atomic batches: version, units, blocks, page. The old page is dropped with it.
//   7 settle     when the records are durable: overlay entries that still point to the moved place go. Not busy any more.
//
// Why blocks may be written over older contents in place: from step 3 to 7 the overlay has an entry for each of them, so no read
// that began after step 1 looks at home; step 3 begins only when all reads that began before step 1 have ended (ReadPins).
// After a crash anywhere in between the object's record still has its old version, all entries above it are still in the log
// (no segment is freed before MoveHomeAsync ends), so replay puts the overlay entries back in front of whatever is at home.
// After step 6 the record and everything it names were durable before it was appended.
//
// What comes in between: a newer write of a block replaces its overlay entry, and step 7 leaves it alone; a discard removes
// the entry, and step 6 then does not record the block; a removed object is skipped. A block that does not match its CRC
// is moved as it is, with the CRC it should have: it stays an error at home and can be repaired there, and the log is not
// held up by it.

/// <summary>Moves blocks from the log to their homes when the log's cleaner asks for it. One batch at a time.</summary>
internal sealed partial class ObjectMover : IBlockMover, IDisposable
{
    /// <summary>How much longer than the work before them pauses are without pressure.</summary>
    private const int LongestPause = 3;

    /// <summary>A device that stood still for seconds is no reason to wait for longer ones: the pressure is looked at again soon.</summary>
    private const long LongestPauseNanos = 20 * Units.NanosPerMilli;

    private readonly ObjectStore _store;
    private readonly Reactor _reactor;
    private readonly ObjectStoreOptions _options;
    private readonly IoGroup _io;
    private Func<int>? _pressure;
    private bool _running;
    private long _toMove;
    private long _moved;

    public ObjectMover(ObjectStore store)
    {
        _store = store;
        _reactor = store.Reactor;
        _options = store.Options;
        _io = new IoGroup(store.Device, store);
        AllocateBuffers();
    }

    /// <summary>As if all objects in the log had to move: where they need not, the move is short.</summary>
    public int Progress => (int)Math.Min(AppendPace.Whole, _moved * AppendPace.Whole / Math.Max(1, _toMove));

    /// <inheritdoc/>
    public async ReactorTask<Errno> MoveHomeAsync(IReadOnlyList<LogRange> ranges, Func<int>? pressure = null)
    {
        if (_running) { return Errno.Busy; }
        _running = true;
        _pressure = pressure;
        _store.CleanerWaits = true;
        (_moved, _toMove) = (0, _store.Overlay.Count);
        Errno status = await MoveAllAsync(ranges);
        if (status is Errno.None) { status = await _store.FlushAsync(); }
        // Reads that began while the overlay still pointed into the ranges.
        if (status is Errno.None) { status = await _store.Reads.WaitAsync(_store.Blobs.Pins.Now); }
        _running = false;
        _moved = 0;
        _store.CleanerWaits = false;
        return status;
    }

    private async ReactorTask<Errno> MoveAllAsync(IReadOnlyList<LogRange> ranges)
    {
        ulong staleUpTo = _store.LastStale;
        while (true)
        {
            bool blocked = !Choose(ranges, staleUpTo);
            if (_objectCount == 0)
            {
                if (!blocked) { return Errno.None; }
                // What is left is being installed: that ends by itself.
                await _reactor.Delay(ObjectStore.RetryNanos);
                continue;
            }
            Errno status = await MoveBatchAsync();
            EndBatch(status is Errno.None);
            if (status is not Errno.None) { return status; }
        }
    }

    private async ReactorTask<Errno> MoveBatchAsync()
    {
        ulong stamp = _store.Blobs.Pins.Now;
        while (!TryPlace())
        {
            // The units were promised, but some of them are still on their way to being free.
            if (!_store.HasSpaceComing) { return Errno.NoSpace; }
            Errno flushed = await _store.FlushAsync();
            if (flushed is not Errno.None) { return flushed; }
            await _reactor.Delay(ObjectStore.RetryNanos);
        }
        Errno status = await _store.Reads.WaitAsync(stamp);
        if (status is not Errno.None) { return status; }
        SortByHome();
        for (int first = 0; first < _moveCount; first += _options.MoveChunkBlocks)
        {
            int count = Math.Min(_options.MoveChunkBlocks, _moveCount - first);
            long started = _reactor.Clock.NowNanos;
            await ReadChunkAsync(first, count);
            PrepareHomeWrites(first, count);
            status = await _io.RunAsync(AtOnce);
            if (status is not Errno.None) { return status; }
            _moved += count;
            await StepBackAsync(started);
        }
        status = await WriteCrcPagesAsync();
        if (status is not Errno.None) { return status; }
        if (_moveCount > 0)
        {
            _io.Begin();
            _ = _io.Add(IoKind.Flush, 0);
            status = await _io.RunAsync();
            if (status is not Errno.None) { return status; }
        }
        return await RecordAsync();
    }

    /// <summary>Reads moves [first, first + count) from the log. What cannot be read becomes zeros, which do not match.</summary>
    private async ReactorTask ReadChunkAsync(int first, int count)
    {
        PrepareLogReads(first, count);
        Errno status = await _io.RunAsync(AtOnce);
        if (status is not Errno.None) { await ReadSinglyAsync(first, count); }
        VerifyChunk(first, count);
    }

    private async ReactorTask ReadSinglyAsync(int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            PrepareLogReads(i, 1, first);
            Errno status = await _io.RunAsync();
            if (status is not Errno.None) { ClearBlock(i - first); }
        }
    }

    private async ReactorTask<Errno> WriteCrcPagesAsync()
    {
        PrepareOldPageReads();
        Errno status = await _io.RunAsync();
        if (status is not Errno.None) { ClearUnreadPages(); }
        await ReplaceLostPagesAsync();
        MakeCrcPages();
        while (!TryPlacePages())
        {
            if (!_store.HasSpaceComing) { return Errno.NoSpace; }
            Errno flushed = await _store.FlushAsync();
            if (flushed is not Errno.None) { return flushed; }
            await _reactor.Delay(ObjectStore.RetryNanos);
        }
        long started = _reactor.Clock.NowNanos;
        PreparePageWrites();
        status = await _io.RunAsync(AtOnce);
        if (status is Errno.None) { await StepBackAsync(started); }
        return status;
    }

    /// <summary>A damaged page says nothing about the blocks that stay: another replica knows their checksums. Without one the
    /// page is carried on as it is: the entries that are wrong make their blocks unreadable, and the others are saved.</summary>
    private async ReactorTask ReplaceLostPagesAsync()
    {
        for (int i = 0; i < _objectCount; i++)
        {
            if (!IsPageLost(i) || _store.ChecksumSource is null) { continue; }
            (PgId group, ObjectId obj) = NameOf(i);
            ulong version = await _store.ChecksumSource.FetchChecksumsAsync(group, obj, _fetchedCrcs);
            TakeFetchedPage(i, version);
        }
    }

    private int Pressure => _pressure?.Invoke() ?? 100;

    private int AtOnce => _options.MoveRequestsMin + ((_options.MoveRequestsMax - _options.MoveRequestsMin) * Pressure / 100);

    /// <summary>Leaves the device and the core to clients for some multiple of the time that they were held up.</summary>
    private async ReactorTask StepBackAsync(long startedNanos)
    {
        int pressure = Pressure;
        if (pressure >= 100) { return; }
        long pause = (_reactor.Clock.NowNanos - startedNanos) * LongestPause * (100 - pressure) / 100;
        await _reactor.Delay(Math.Min(pause, LongestPauseNanos));
    }

    private async ReactorTask<Errno> RecordAsync()
    {
        SwitchToHome();
        ulong last = 0;
        for (int done = 0; done < _objectCount;)
        {
            Errno status = RecordSome(done, out int next, out ulong sequence);
            if (status is Errno.None)
            {
                done = next;
                last = Math.Max(last, sequence);
                continue;
            }
            if (ObjectStore.Permanent(status) is not Errno.None) { return status; }
            await _reactor.Delay(ObjectStore.RetryNanos);
        }
        return await _store.Durability.WaitAsync(last);
    }
}

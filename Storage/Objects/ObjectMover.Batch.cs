using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;
using Fastblock.Storage.Device;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Objects;

// The steps that handle memory; none of them waits.
internal sealed unsafe partial class ObjectMover
{
    /// <summary>An object of the batch.</summary>
    private struct MovingObject
    {
        public uint Onode;
        public ulong Version;
        public int FirstMove; // moves of the object before they are sorted by home
        public int Moves;
        public uint OldPage;
        public uint NewPage;
        public uint NewSum;
        public bool Switched; // the onode names the new page
        public bool OldPageRead; // it came from the device and is unchecked
    }

    /// <summary>A block of the batch.</summary>
    private struct Move
    {
        public long Home; // device offset
        public uint LogBlock;
        public uint Crc;
        public int Object;
        public int Block;
    }

    private static readonly Comparison<Move> ByHome = static (a, b) => a.Home.CompareTo(b.Home);

    private MovingObject[] _objects = [];
    private int _objectCount;
    private Move[] _moves = [];
    private int _moveCount;
    private uint[] _readOrder = []; // places in the chunk, sorted by log block
    private uint[] _readKeys = [];
    private byte* _data;
    private byte* _pages;
    private readonly uint[] _fetchedCrcs = new uint[CrcPageFormat.MaxBlocks];

    public void Dispose()
    {
        _io.Dispose();
        NativeMemory.AlignedFree(_data);
        NativeMemory.AlignedFree(_pages);
        _data = null;
        _pages = null;
    }

    private void AllocateBuffers()
    {
        _objects = new MovingObject[_options.MoveObjects];
        _moves = new Move[_options.MoveBlocks + _options.BlocksPerObject];
        _readOrder = new uint[_options.MoveChunkBlocks];
        _readKeys = new uint[_options.MoveChunkBlocks];
        _data = (byte*)NativeMemory.AlignedAlloc((nuint)_options.MoveChunkBlocks * Units.BlockBytes, Units.BlockBytes);
        _pages = (byte*)NativeMemory.AlignedAlloc((nuint)_options.MoveObjects * CrcPageFormat.Bytes, CrcPageFormat.Bytes);
    }

    /// <summary>Fills the batch and makes its objects busy.</summary>
    /// <param name="staleUpTo">Objects that became stale later stay.</param>
    /// <returns>False: something that should move is busy with somebody else.</returns>
    private bool Choose(IReadOnlyList<LogRange> ranges, ulong staleUpTo)
    {
        _objectCount = 0;
        _moveCount = 0;
        bool blocked = false;
        for (uint at = _store.StaleHead; at != ChunkedSlab.None && HasPlace(); at = _store.Onodes[at]->NextStale)
        {
            if (_store.Onodes[at]->StaleSince > staleUpTo) { break; }
            if (_store.Onodes[at]->Is(OnodeFlags.Busy)) { blocked = true; }
            else { Take(at); }
        }
        for (int r = 0; r < ranges.Count; r++)
        {
            long from = ranges[r].Start.DeviceOffset;
            long to = from + ((long)ranges[r].Blocks * Units.BlockBytes);
            while (HasPlace())
            {
                uint onode = _store.Overlay.FindOnodeIn(from, to, skip: OnodeFlags.Busy);
                if (onode == ChunkedSlab.None) { break; }
                Take(onode);
            }
            blocked |= _objectCount == 0 && _store.Overlay.FindOnodeIn(from, to, OnodeFlags.None) != ChunkedSlab.None;
        }
        return !blocked;
    }

    private bool HasPlace() => _objectCount < _options.MoveObjects && _moveCount < _options.MoveBlocks;

    private void Take(uint number)
    {
        Onode* onode = _store.Onodes[number];
        onode->Flags |= OnodeFlags.Busy;
        int first = _moveCount;
        for (uint at = onode->OverlayHead; at != ChunkedSlab.None; at = _store.Overlay[at]->NextOfObject)
        {
            OverlayEntry* entry = _store.Overlay[at];
            _moves[_moveCount++] = new Move
            {
                LogBlock = entry->LogBlock,
                Crc = entry->Crc,
                Object = _objectCount,
                Block = (int)entry->Block,
            };
        }
        // In order of blocks, so that neighbours get neighbouring units.
        _moves.AsSpan(first, _moveCount - first).Sort(static (a, b) => a.Block.CompareTo(b.Block));
        _objects[_objectCount++] = new MovingObject
        {
            Onode = number,
            Version = onode->Version,
            FirstMove = first,
            Moves = _moveCount - first,
            OldPage = BlobGeometry.None,
            NewPage = BlobGeometry.None,
        };
    }

    /// <summary>Gives every move a home; goes on where it stopped when called again.</summary>
    private bool TryPlace()
    {
        for (int i = 0; i < _moveCount; i++)
        {
            uint number = _objects[_moves[i].Object].Onode;
            uint* units = OnodeTable.Units(_store.Onodes[number]);
            int slot = _moves[i].Block / _options.BlocksPerAu;
            if (units[slot] >= Onode.Promised)
            {
                uint au = _store.Blobs.TryAllocateAu();
                if (au == BlobGeometry.None) { return false; }
                _store.MapSlot(number, slot, au);
            }
            _moves[i].Home = _store.HomeAddress(units, _moves[i].Block);
        }
        return true;
    }

    private void SortByHome() => _moves.AsSpan(0, _moveCount).Sort(ByHome);

    /// <summary>Requests for moves [first, first + count), neighbours in the log in one, each block to the place in the chunk
    /// that it has by home address.</summary>
    private void PrepareLogReads(int first, int count, int chunkFirst = -1)
    {
        if (chunkFirst < 0) { chunkFirst = first; }
        for (int i = 0; i < count; i++)
        {
            _readOrder[i] = (uint)(first + i);
            _readKeys[i] = _moves[first + i].LogBlock;
        }
        Array.Sort(_readKeys, _readOrder, 0, count);
        _io.Begin();
        MoveIo? request = null;
        for (int i = 0; i < count; i++)
        {
            uint logBlock = _readKeys[i];
            byte* to = _data + ((nint)(_readOrder[i] - chunkFirst) * Units.BlockBytes);
            if (request is null || logBlock != _readKeys[i - 1] + 1 || !request.TryAddSegment(to, Units.BlockBytes))
            {
                request = _io.Add(IoKind.Read, (long)logBlock * Units.BlockBytes);
                bool added = request.TryAddSegment(to, Units.BlockBytes);
                Invariant.Require(added);
            }
        }
    }

    private void ClearBlock(int place) => NativeMemory.Clear(_data + ((nint)place * Units.BlockBytes), Units.BlockBytes);

    private void VerifyChunk(int first, int count)
    {
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> block = new(_data + ((nint)i * Units.BlockBytes), Units.BlockBytes);
            if (Crc32C.Compute(block) == _moves[first + i].Crc) { continue; }
            _store.Counters.BadBlocks++;
            (PgId group, ObjectId obj) = NameOf(_moves[first + i].Object);
            _store.DamageSink?.OnDamage(group, obj, ObjectDamage.BadBlock, _moves[first + i].Block);
        }
    }

    private void PrepareHomeWrites(int first, int count)
    {
        _io.Begin();
        MoveIo? request = null;
        for (int i = 0; i < count; i++)
        {
            byte* from = _data + ((nint)i * Units.BlockBytes);
            bool follows = i > 0 && _moves[first + i].Home == _moves[first + i - 1].Home + Units.BlockBytes;
            if (request is null || !follows || !request.TryAddSegment(from, Units.BlockBytes))
            {
                request = _io.Add(IoKind.Write, _moves[first + i].Home);
                bool added = request.TryAddSegment(from, Units.BlockBytes);
                Invariant.Require(added);
            }
        }
        _store.Counters.BlocksMoved += count;
    }

    private byte* PageOf(int index) => _pages + ((nint)index * CrcPageFormat.Bytes);

    /// <summary>Fetches the objects' present checksum pages, from the cache or by requests of the group.</summary>
    private void PrepareOldPageReads()
    {
        _io.Begin();
        for (int i = 0; i < _objectCount; i++)
        {
            if (_objects[i].Moves == 0) { continue; }
            Onode* onode = _store.Onodes[_objects[i].Onode];
            _objects[i].OldPage = onode->CrcPage;
            if (onode->CrcPage == BlobGeometry.None)
            {
                NativeMemory.Clear(PageOf(i), CrcPageFormat.Bytes);
                continue;
            }
            uint* cached = _store.CrcPages.TryGet(onode->CrcPage);
            if (cached is not null)
            {
                NativeMemory.Copy(cached, PageOf(i), CrcPageFormat.Bytes);
                continue;
            }
            _objects[i].OldPageRead = true;
            MoveIo request = _io.Add(IoKind.Read, _store.Blobs.Geometry.AddressOfPage(onode->CrcPage));
            request.First = i;
            bool added = request.TryAddSegment(PageOf(i), CrcPageFormat.Bytes);
            Invariant.Require(added);
        }
    }

    private void ClearUnreadPages()
    {
        for (int i = 0; i < _io.Count; i++)
        {
            if (_io[i].Status is not Errno.None) { NativeMemory.Clear(PageOf(_io[i].First), CrcPageFormat.Bytes); }
        }
    }

    /// <summary>The object's checksum page came from the device and is not what the record says. Never when the object was removed
    /// meanwhile: then the onode no longer says what the sum should be, and nobody will need the page.</summary>
    private bool IsPageLost(int i)
    {
        Onode* onode = _store.Onodes[_objects[i].Onode];
        if (!_objects[i].OldPageRead || onode->CrcPage != _objects[i].OldPage) { return false; }
        ReadOnlySpan<byte> contents = new(PageOf(i), CrcPageFormat.Bytes);
        if (CrcPageFormat.Sum(KeyOf(onode), _objects[i].OldPage, contents) == onode->CrcPageSum) { return false; }
        _store.Counters.BadCrcPages++;
        return true;
    }

    private (PgId Group, ObjectId Object) NameOf(int i)
    {
        Onode* onode = _store.Onodes[_objects[i].Onode];
        return (new PgId(onode->Group), new ObjectId(new ImageId(onode->Image), onode->Index));
    }

    /// <summary>What is at home and stays there is as it was at the home's version, and so it is in any later state as long as no
    /// newer block covers it: those are of no interest here.</summary>
    private void TakeFetchedPage(int i, ulong version)
    {
        Onode* onode = _store.Onodes[_objects[i].Onode];
        if (version < onode->HomeVersion || version > onode->Version || version == 0) { return; }
        Reached.Mark("objects: checksum page taken from another replica");
        _fetchedCrcs.CopyTo(new Span<uint>(PageOf(i), CrcPageFormat.MaxBlocks));
    }

    /// <summary>Puts the moved blocks' CRCs in.</summary>
    private void MakeCrcPages()
    {
        for (int m = 0; m < _moveCount; m++) { ((uint*)PageOf(_moves[m].Object))[_moves[m].Block] = _moves[m].Crc; }
    }

    private bool TryPlacePages()
    {
        for (int i = 0; i < _objectCount; i++)
        {
            if (_objects[i].Moves == 0 || _objects[i].NewPage != BlobGeometry.None) { continue; }
            uint page = _store.Blobs.TryAllocatePage();
            if (page == BlobGeometry.None) { return false; }
            _objects[i].NewPage = page;
            _store.CrcPages.Forget(page);
            ReadOnlySpan<byte> contents = new(PageOf(i), CrcPageFormat.Bytes);
            _objects[i].NewSum = CrcPageFormat.Sum(KeyOf(_store.Onodes[_objects[i].Onode]), page, contents);
        }
        return true;
    }

    private void PreparePageWrites()
    {
        _io.Begin();
        MoveIo? request = null;
        uint previous = BlobGeometry.None;
        for (int i = 0; i < _objectCount; i++)
        {
            uint page = _objects[i].NewPage;
            if (page == BlobGeometry.None) { continue; }
            if (request is null || page != previous + 1 || !request.TryAddSegment(PageOf(i), CrcPageFormat.Bytes))
            {
                request = _io.Add(IoKind.Write, _store.Blobs.Geometry.AddressOfPage(page));
                bool added = request.TryAddSegment(PageOf(i), CrcPageFormat.Bytes);
                Invariant.Require(added);
            }
            previous = page;
            _store.Counters.CrcPagesWritten++;
        }
    }

    /// <summary>Everything is at home and flushed: the tables in memory now say so. Reads of moved blocks still go to the overlay
    /// until the record is durable; all others find the same CRCs in the new page as in the old one.</summary>
    private void SwitchToHome()
    {
        for (int m = 0; m < _moveCount; m++)
        {
            ref MovingObject moving = ref _objects[_moves[m].Object];
            Onode* onode = _store.Onodes[moving.Onode];
            if (onode->Is(OnodeFlags.Removed)) { continue; }
            bool discarded = _store.Overlay.Find(moving.Onode, _moves[m].Block) == ChunkedSlab.None;
            if (!discarded) { _store.Onodes.SetPresent(onode, _moves[m].Block); }
        }
        for (int i = 0; i < _objectCount; i++)
        {
            ref MovingObject moving = ref _objects[i];
            Onode* onode = _store.Onodes[moving.Onode];
            if (onode->Is(OnodeFlags.Removed)) { continue; }
            onode->HomeVersion = moving.Version;
            if (moving.NewPage == BlobGeometry.None) { continue; }
            moving.Switched = true;
            onode->CrcPage = moving.NewPage;
            onode->CrcPageSum = moving.NewSum;
            _store.TakePagePromise(onode);
            _store.CrcPages.Put(moving.NewPage, PageOf(i));
        }
    }

    /// <summary>Commits the records of objects from <paramref name="first"/> on, as many as one batch takes.</summary>
    private Errno RecordSome(int first, out int next, out ulong sequence)
    {
        _store.Records.Begin();
        next = first;
        while (next < _objectCount && _store.TryAddRecord(_store.Onodes[_objects[next].Onode])) { next++; }
        Invariant.Require(next > first);
        Errno status = _store.CommitRecords(out sequence);
        if (status is not Errno.None) { return status; }
        for (int i = first; i < next; i++)
        {
            ObjectStore.NoteRecorded(_store.Onodes[_objects[i].Onode]);
            if (!_objects[i].Switched || _objects[i].OldPage == BlobGeometry.None) { continue; }
            _store.Blobs.DropCommittedPage(_objects[i].OldPage, sequence);
        }
        _store.Counters.RecordsWritten += next - first;
        return Errno.None;
    }

    /// <summary>The batch is over. After a success the overlay forgets what is home; after a failure everything is as before,
    /// but for units that are mapped already.</summary>
    private void EndBatch(bool moved)
    {
        for (int m = 0; moved && m < _moveCount; m++)
        {
            ref MovingObject moving = ref _objects[_moves[m].Object];
            uint entry = _store.Overlay.Find(moving.Onode, _moves[m].Block);
            if (entry == ChunkedSlab.None || _store.Overlay[entry]->LogBlock != _moves[m].LogBlock) { continue; }
            _store.Overlay.Remove(entry);
        }
        for (int i = 0; i < _objectCount; i++)
        {
            uint number = _objects[i].Onode;
            Onode* onode = _store.Onodes[number];
            if (_objects[i].NewPage != BlobGeometry.None && !_objects[i].Switched)
            {
                _store.Blobs.ReturnPage(_objects[i].NewPage); // no record has named it
            }
            onode->Flags &= ~(OnodeFlags.Busy | OnodeFlags.Removed);
            onode->Flags |= OnodeFlags.LoosePromises;
            if (onode->Is(OnodeFlags.Stale) && moved)
            {
                // If it changed meanwhile it waits for the next call, so that this one comes to an end.
                bool again = onode->HomeVersion != onode->Version;
                _store.UnlinkStale(number);
                if (again) { _store.MarkStale(number); }
            }
            _store.DropEmptySlots(number, 0, _store.Onodes.Slots - 1);
            _store.Settle(number);
        }
        _objectCount = 0;
        _moveCount = 0;
    }

    private static ObjectKey KeyOf(Onode* onode) => new(onode->Group, onode->Image, onode->Index);
}

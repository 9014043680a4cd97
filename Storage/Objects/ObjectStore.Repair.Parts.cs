using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Blobs;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Objects;

// The steps of a repair that handle memory; none of them waits.
internal sealed unsafe partial class ObjectStore
{
    private IoGroup? _repairIo;
    private byte* _repairPage;

    /// <summary>Gets the checksums of an object whose page is damaged from elsewhere; null = nowhere.</summary>
    public IChecksumSource? ChecksumSource { get; set; }

    /// <summary>Hears of blocks that a move home found damaged; they lie at home when it ends. Null = nobody.</summary>
    public IObjectDamageSink? DamageSink { get; set; }

    /// <summary>Called when the device failed a write or a flush of the data region: what was to become durable is not. Null = nobody.</summary>
    public Action<Errno>? OnWriteFailed { get; set; }

    /// <summary>Where a block's contents are at this moment.</summary>
    public BlockPlace Locate(PgId group, ObjectId obj, int block)
    {
        uint number = _onodes.Find(new ObjectKey(group, obj));
        if (number == ChunkedSlab.None || !_onodes[number]->Is(OnodeFlags.Exists)) { return default; }
        Onode* onode = _onodes[number];
        uint entry = onode->OverlayCount > 0 ? _overlay.Find(number, block) : ChunkedSlab.None;
        if (entry != ChunkedSlab.None)
        {
            OverlayEntry* found = _overlay[entry];
            return new BlockPlace(ObjectRead.Source.Log, (long)found->LogBlock * Units.BlockBytes, 0, found->Crc);
        }
        if (onode->HomeBlocks == 0 || !_onodes.IsPresent(onode, block)) { return default; }
        return new BlockPlace(ObjectRead.Source.Home, HomeAddress(OnodeTable.Units(onode), block), onode->HomeVersion, 0);
    }

    /// <summary>The CRC-32C of every block of the object as of now, that of zeros for holes.</summary>
    /// <param name="version">Of the object; 0 = it does not exist, and all are holes.</param>
    /// <returns>False: its checksum page is not in memory; a read of <paramref name="wanted"/> brings it there.</returns>
    public bool TryCopyCrcs(PgId group, ObjectId obj, Span<uint> crcs, out ulong version, out int wanted)
    {
        (version, wanted) = (0, -1);
        crcs.Fill(ZeroBlockCrc);
        uint number = _onodes.Find(new ObjectKey(group, obj));
        if (number == ChunkedSlab.None || !_onodes[number]->Is(OnodeFlags.Exists)) { return true; }
        Onode* onode = _onodes[number];
        version = onode->Version;
        uint* page = null;
        for (int block = 0; block < Math.Min(crcs.Length, _onodes.Blocks); block++)
        {
            uint entry = onode->OverlayCount > 0 ? _overlay.Find(number, block) : ChunkedSlab.None;
            if (entry != ChunkedSlab.None) { crcs[block] = _overlay[entry]->Crc; }
            else if (onode->HomeBlocks > 0 && _onodes.IsPresent(onode, block))
            {
                if (page is null) { page = _crcPages.TryGet(onode->CrcPage); }
                if (page is null)
                {
                    wanted = block;
                    return false;
                }
                crcs[block] = page[block];
            }
        }
        return true;
    }

    private Errno BeginRewrite(
        PgId group, ObjectId obj, int block, BlockPlace place, uint crc, PooledBuffer buffer, int bufferOffset, out uint number)
    {
        number = _onodes.Find(new ObjectKey(group, obj));
        if (place.Source is not ObjectRead.Source.Home || Locate(group, obj, block) != place) { return Errno.Stale; }
        Onode* onode = _onodes[number];
        if (onode->Is(OnodeFlags.Busy)) { return Errno.Busy; }
        uint* page = _crcPages.TryGet(onode->CrcPage);
        if (page is null) { return Errno.Again; }
        if (page[block] != crc || Crc32C.Compute(buffer.Span(bufferOffset, Units.BlockBytes)) != crc) { return Errno.BadMessage; }
        onode->Flags |= OnodeFlags.Busy;
        _repairIo ??= new IoGroup(_device, this);
        _repairIo.Begin();
        bool added = _repairIo.Add(IoKind.Write, place.Address).TryAddSegment(buffer.Pointer + bufferOffset, Units.BlockBytes);
        Invariant.Require(added);
        return Errno.None;
    }

    private Errno BeginPage(PgId group, ObjectId obj, uint[] crcs, ulong version, out uint number, out uint page, out uint sum)
    {
        (page, sum) = (BlobGeometry.None, 0);
        ObjectKey key = new(group, obj);
        number = _onodes.Find(key);
        if (number == ChunkedSlab.None) { return Errno.Stale; }
        Onode* onode = _onodes[number];
        if (onode->Is(OnodeFlags.Busy)) { return Errno.Busy; }
        // A block at home that nothing covers is as it was at the home's version: any later state that we have reached tells.
        bool tells = version >= onode->HomeVersion && version <= onode->Version;
        if (!onode->Is(OnodeFlags.Exists) || onode->CrcPage == BlobGeometry.None || !tells) { return Errno.Stale; }
        if (AvailableAus(1) < 0) { return Errno.NoSpace; }
        page = _blobs.TryAllocatePage();
        if (page == BlobGeometry.None) { return Errno.NoSpace; }
        onode->Flags |= OnodeFlags.Busy;
        if (_repairPage is null) { _repairPage = (byte*)NativeMemory.AlignedAlloc(CrcPageFormat.Bytes, CrcPageFormat.Bytes); }
        NativeMemory.Clear(_repairPage, CrcPageFormat.Bytes);
        crcs.AsSpan(0, Math.Min(crcs.Length, CrcPageFormat.MaxBlocks)).CopyTo(new Span<uint>(_repairPage, CrcPageFormat.MaxBlocks));
        _crcPages.Forget(page);
        sum = CrcPageFormat.Sum(key, page, new ReadOnlySpan<byte>(_repairPage, CrcPageFormat.Bytes));
        _repairIo ??= new IoGroup(_device, this);
        _repairIo.Begin();
        bool added = _repairIo.Add(IoKind.Write, _blobs.Geometry.AddressOfPage(page)).TryAddSegment(_repairPage, CrcPageFormat.Bytes);
        Invariant.Require(added);
        return Errno.None;
    }

    /// <summary>The record names the new page, in place of the damaged one.</summary>
    private Errno TryRecordPage(uint number, uint page, uint sum, out ulong sequence)
    {
        sequence = 0;
        Onode* onode = _onodes[number];
        if (onode->Is(OnodeFlags.Removed)) { return Errno.Canceled; }
        (uint oldPage, uint oldSum) = (onode->CrcPage, onode->CrcPageSum);
        (onode->CrcPage, onode->CrcPageSum) = (page, sum);
        _records.Begin();
        bool added = TryAddRecord(onode);
        Invariant.Require(added);
        Errno status = CommitRecords(out sequence);
        if (status is not Errno.None)
        {
            (onode->CrcPage, onode->CrcPageSum) = (oldPage, oldSum);
            return status;
        }
        NoteRecorded(onode);
        _crcPages.Put(page, _repairPage);
        _blobs.DropCommittedPage(oldPage, sequence);
        _statistics.RecordsWritten++;
        return Errno.None;
    }

    private void EndRepair(uint number)
    {
        Onode* onode = _onodes[number];
        onode->Flags &= ~(OnodeFlags.Busy | OnodeFlags.Removed);
        onode->Flags |= OnodeFlags.LoosePromises;
        DropEmptySlots(number, 0, _onodes.Slots - 1);
        Settle(number);
    }

    private void DisposeRepair()
    {
        _repairIo?.Dispose();
        NativeMemory.AlignedFree(_repairPage);
        _repairPage = null;
    }
}

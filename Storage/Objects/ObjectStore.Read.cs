using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Objects;

// A read resolves all its blocks at once, in the call: overlay, home or hole. From then on only its pin (ReadPins) protects it:
// places that the tables stop naming are not re-used before it has ended. When the checksum page is not cached it is read
// beside the data, so a miss costs a request but no second round trip.
internal sealed unsafe partial class ObjectStore
{
    private readonly Stack<ReadPart> _parts = new();
    private readonly Stack<nint> _scratchPages = new();

    /// <summary>Starts a read; completes later through <see cref="ObjectRead.OnCompleted"/>.</summary>
    public void Read(ObjectRead read)
    {
        read.Store = this;
        read.Status = Errno.None;
        read.Outstanding = 0;
        read.Scratch = null;
        _blobs.Pins.Begin(read.Pin);
        _statistics.Reads++;
        _statistics.BlocksRead += read.Blocks;
        if (!IsInside(read.FirstBlock, read.Blocks)) { read.Status = Errno.Invalid; }
        else
        {
            uint number = _onodes.Find(new ObjectKey(read.Group, read.Object));
            if (number == ChunkedSlab.None || !_onodes[number]->Is(OnodeFlags.Exists)) { FillHoles(read, 0, read.Blocks); }
            else { StartRead(read, number); }
        }
        if (read.Outstanding == 0) { _reactor.Enqueue(read); }
    }

    /// <summary>All requests of the read have ended.</summary>
    internal void FinishRead(ObjectRead read)
    {
        Errno status = read.Status;
        if (read.Scratch is not null)
        {
            // Also when something could not be read: whoever repairs it wants to know what it should be.
            Errno page = TakeCrcPage(read);
            read.KnowsCrcs = page is Errno.None;
            if (status is Errno.None) { status = page; }
        }
        if (status is Errno.None) { status = Verify(read); }
        if (read.Scratch is not null)
        {
            _scratchPages.Push((nint)read.Scratch);
            read.Scratch = null;
        }
        _blobs.Pins.End(read.Pin);
        read.Complete(status);
        if (_blobs.HasLeaving) { _blobs.Advance(_durable.Durable); }
        if (_reads.Waiting > 0) { _reads.OnReadEnded(); }
    }

    internal void OnPartRead(ReadPart part, Errno status)
    {
        ObjectRead read = part.Owner!;
        part.Owner = null;
        _parts.Push(part);
        if (status is not Errno.None) { read.Status = status; }
        if (--read.Outstanding == 0) { FinishRead(read); }
    }

    private void StartRead(ObjectRead read, uint number)
    {
        Onode* onode = _onodes[number];
        read.Version = onode->Version;
        uint* units = OnodeTable.Units(onode);
        uint* crcs = null;
        bool looked = false;
        ReadPart? part = null;
        long partEnd = 0;
        for (int i = 0; i < read.Blocks; i++)
        {
            int block = read.FirstBlock + i;
            uint entry = onode->OverlayCount > 0 ? _overlay.Find(number, block) : ChunkedSlab.None;
            long address;
            if (entry != ChunkedSlab.None)
            {
                OverlayEntry* found = _overlay[entry];
                read.Sources[i] = ObjectRead.Source.Log;
                read.ExpectedCrcs[i] = found->Crc;
                address = (long)found->LogBlock * Units.BlockBytes;
            }
            else if (onode->HomeBlocks > 0 && _onodes.IsPresent(onode, block))
            {
                if (!looked)
                {
                    looked = true;
                    crcs = _crcPages.TryGet(onode->CrcPage);
                    if (crcs is null) { StartCrcPage(read, onode); }
                }
                read.Sources[i] = ObjectRead.Source.Home;
                if (crcs is not null) { read.ExpectedCrcs[i] = crcs[block]; }
                address = HomeAddress(units, block);
            }
            else
            {
                FillHoles(read, i, 1);
                continue;
            }
            if (part is null || address != partEnd || !part.TryAddSegment(read.BlockAt(i), Units.BlockBytes))
            {
                Submit(part);
                part = StartPart(read, address);
                bool added = part.TryAddSegment(read.BlockAt(i), Units.BlockBytes);
                Invariant.Require(added);
            }
            partEnd = address + Units.BlockBytes;
        }
        Submit(part);
    }

    /// <summary>Device offset of a block at home.</summary>
    internal long HomeAddress(uint* units, int block) =>
        _blobs.Geometry.AddressOfAu(units[block / _options.BlocksPerAu])
            + ((long)(block % _options.BlocksPerAu) * Units.BlockBytes);

    private void StartCrcPage(ObjectRead read, Onode* onode)
    {
        _statistics.CrcPageMisses++;
        read.Scratch = _scratchPages.TryPop(out nint page)
            ? (byte*)page
            : (byte*)NativeMemory.AlignedAlloc(CrcPageFormat.Bytes, CrcPageFormat.Bytes);
        read.ScratchPage = onode->CrcPage;
        read.ScratchSum = onode->CrcPageSum;
        ReadPart part = StartPart(read, _blobs.Geometry.AddressOfPage(onode->CrcPage));
        bool added = part.TryAddSegment(read.Scratch, CrcPageFormat.Bytes);
        Invariant.Require(added);
        Submit(part);
    }

    private ReadPart StartPart(ObjectRead read, long address)
    {
        if (!_parts.TryPop(out ReadPart? part)) { part = new ReadPart(this); }
        part.Owner = read;
        part.Prepare(IoKind.Read, address);
        read.Outstanding++;
        _statistics.ReadRequests++;
        return part;
    }

    private void Submit(ReadPart? part)
    {
        if (part is not null) { _device.Submit(part); }
    }

    private void FillHoles(ObjectRead read, int first, int count)
    {
        NativeMemory.Clear(read.BlockAt(first), (nuint)count * Units.BlockBytes);
        read.Sources.Slice(first, count).Clear(); // Hole
        read.ExpectedCrcs.Slice(first, count).Fill(ZeroBlockCrc);
    }

    private Errno TakeCrcPage(ObjectRead read)
    {
        ReadOnlySpan<byte> contents = new(read.Scratch, CrcPageFormat.Bytes);
        if (CrcPageFormat.Sum(new ObjectKey(read.Group, read.Object), read.ScratchPage, contents) != read.ScratchSum)
        {
            _statistics.BadCrcPages++;
            read.BadBlock = read.FirstBlock + FirstHome(read.Sources);
            return Errno.BadMessage;
        }
        // The page may have been superseded meanwhile, but its place is not re-used before this read ends, and who re-uses it
        // replaces what the cache holds of it.
        _crcPages.Put(read.ScratchPage, read.Scratch);
        uint* crcs = (uint*)read.Scratch;
        for (int i = 0; i < read.Blocks; i++)
        {
            if (read.Sources[i] == ObjectRead.Source.Home) { read.ExpectedCrcs[i] = crcs[read.FirstBlock + i]; }
        }
        return Errno.None;
    }

    private static int FirstHome(ReadOnlySpan<ObjectRead.Source> sources)
    {
        int at = 0;
        while (sources[at] != ObjectRead.Source.Home) { at++; }
        return at;
    }

    private Errno Verify(ObjectRead read)
    {
        for (int i = 0; i < read.Blocks; i++)
        {
            if (read.Sources[i] == ObjectRead.Source.Hole) { continue; }
            uint crc = Crc32C.Compute(new ReadOnlySpan<byte>(read.BlockAt(i), Units.BlockBytes));
            if (crc == read.ExpectedCrcs[i]) { continue; }
            _statistics.BadBlocks++;
            read.BadBlock = read.FirstBlock + i;
            return Errno.BadMessage;
        }
        return Errno.None;
    }
}

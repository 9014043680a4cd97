using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Blobs;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Objects;

// The steps that handle memory; none of them waits.
internal sealed unsafe partial class ObjectInstall
{
    private uint[] _units = [];
    private ulong[] _present = [];
    private byte[] _record = [];
    private byte* _page;
    private uint _onode;
    private uint _crcPage;
    private uint _crcPageSum;

    private bool IsRemoved => _store.Onodes[_onode]->Is(OnodeFlags.Removed);

    public void Dispose()
    {
        Abort();
        _io.Dispose();
        NativeMemory.AlignedFree(_page);
        _page = null;
    }

    internal void Begin(uint onode, PgId group, ObjectId obj, ulong version)
    {
        Invariant.Require(!_open);
        (_onode, Group, Object, Version, _open) = (onode, group, obj, version, true);
        Array.Fill(_units, Onode.Unmapped);
        Array.Clear(_present);
        NativeMemory.Clear(_page, CrcPageFormat.Bytes);
        _crcPage = BlobGeometry.None;
        _crcPageSum = 0;
    }

    private void Allocate()
    {
        _units = new uint[_store.Onodes.Slots];
        _present = new ulong[_store.Onodes.MapWords];
        _record = new byte[OnodeRecord.MaxBytes(_store.Onodes.Slots, _store.Onodes.Blocks)];
        _page = (byte*)NativeMemory.AlignedAlloc(CrcPageFormat.Bytes, CrcPageFormat.Bytes);
    }

    private Errno Prepare(int firstBlock, int blocks, PooledBuffer buffer, int bufferOffset, ReadOnlySpan<uint> crcs)
    {
        Invariant.Require(_open);
        bool inside = firstBlock >= 0 && blocks > 0 && firstBlock <= _store.Onodes.Blocks - blocks;
        if (!inside || crcs.Length != blocks) { return Errno.Invalid; }
        for (int i = 0; i < blocks; i++)
        {
            ReadOnlySpan<byte> block = buffer.Span(bufferOffset + (i * Units.BlockBytes), Units.BlockBytes);
            if (Crc32C.Compute(block) != crcs[i]) { return Errno.BadMessage; }
        }
        int perUnit = _store.Options.BlocksPerAu;
        for (int slot = firstBlock / perUnit; slot <= (firstBlock + blocks - 1) / perUnit; slot++)
        {
            if (_units[slot] != Onode.Unmapped) { continue; }
            uint au = _store.TryAllocateForInstall();
            if (au == BlobGeometry.None) { return Errno.NoSpace; }
            _units[slot] = au;
        }
        _io.Begin();
        MoveIo? request = null;
        long end = 0;
        fixed (uint* units = _units)
        {
            for (int i = 0; i < blocks; i++)
            {
                int block = firstBlock + i;
                byte* from = buffer.Pointer + bufferOffset + ((nint)i * Units.BlockBytes);
                long home = _store.HomeAddress(units, block);
                if (request is null || home != end || !request.TryAddSegment(from, Units.BlockBytes))
                {
                    request = _io.Add(IoKind.Write, home);
                    bool added = request.TryAddSegment(from, Units.BlockBytes);
                    Invariant.Require(added);
                }
                end = home + Units.BlockBytes;
                ((uint*)_page)[block] = crcs[i];
                _present[block >> 6] |= 1UL << (block & 63);
            }
        }
        return Errno.None;
    }

    private bool TryPreparePage()
    {
        _io.Begin();
        if (OnodeRecord.CountBits(_present, 0, _store.Onodes.Blocks) == 0) { return true; } // all holes: no page
        if (_crcPage == BlobGeometry.None) { _crcPage = _store.Blobs.TryAllocatePage(); }
        if (_crcPage == BlobGeometry.None) { return false; }
        _store.CrcPages.Forget(_crcPage);
        ReadOnlySpan<byte> contents = new(_page, CrcPageFormat.Bytes);
        _crcPageSum = CrcPageFormat.Sum(new ObjectKey(Group, Object), _crcPage, contents);
        MoveIo request = _io.Add(IoKind.Write, _store.Blobs.Geometry.AddressOfPage(_crcPage));
        bool added = request.TryAddSegment(_page, CrcPageFormat.Bytes);
        Invariant.Require(added);
        return true;
    }

    private Errno TryRecord(out ulong sequence)
    {
        Span<byte> key = stackalloc byte[OnodeRecord.ObjectKeyBytes];
        OnodeRecord.WriteKey(new ObjectKey(Group, Object), key);
        OnodeRecord.Header header = new() { Version = Version, CrcPage = _crcPage, CrcPageSum = _crcPageSum };
        int bytes = OnodeRecord.Write(in header, _units, _present, _store.Options.BlocksPerAu, _record);
        _store.Records.Begin();
        bool added = _store.Records.TryPut(key, _record.AsSpan(0, bytes));
        Invariant.Require(added);
        return _store.CommitRecords(out sequence);
    }

    /// <summary>The record is in the log: the tables in memory follow it, and what the object was before is given up with it.</summary>
    private void Switch(ulong sequence)
    {
        _store.ReplaceContents(_onode, Version, _units, _present, _crcPage, _crcPageSum, sequence);
        if (_crcPage != BlobGeometry.None) { _store.CrcPages.Put(_crcPage, _page); }
        Array.Fill(_units, Onode.Unmapped);
        _crcPage = BlobGeometry.None;
    }

    private void ReturnSpace()
    {
        foreach (uint unit in _units)
        {
            if (unit != Onode.Unmapped) { _store.ReturnInstallAu(unit); }
        }
        Array.Fill(_units, Onode.Unmapped);
        if (_crcPage != BlobGeometry.None) { _store.Blobs.ReturnPage(_crcPage); }
        _crcPage = BlobGeometry.None;
    }

    private void Close()
    {
        _open = false;
        _store.EndInstall(this, _onode);
    }
}

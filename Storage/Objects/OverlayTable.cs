using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>The overlay: (object, block) -> (place in the log, CRC), for blocks that are not home yet. Found by key in O(1), listed by
/// object (whole-object moves, discards) and by stretch of the log (what pins the oldest segment). Bounded by the number of
/// blocks that fit in the log.</summary>
internal sealed unsafe class OverlayTable : IDisposable
{
    private readonly OnodeTable _onodes;
    private readonly ChunkedSlab _slab = new(sizeof(OverlayEntry));
    private readonly UnmanagedMap<U64Key, uint> _byKey;
    private readonly uint* _bucketHead;
    private readonly uint _bucketBlocks;
    private readonly uint _bucketCount;

    /// <param name="deviceBytes">Log locations are below this.</param>
    /// <param name="bucketBytes">Length of a stretch, best the log's segment size.</param>
    /// <param name="expected">Entries to be ready for without growing.</param>
    public OverlayTable(OnodeTable onodes, long deviceBytes, long bucketBytes, int expected)
    {
        _onodes = onodes;
        _byKey = new UnmanagedMap<U64Key, uint>(expected);
        long blocks = deviceBytes / Units.BlockBytes;
        Invariant.Require(blocks < uint.MaxValue);
        _bucketBlocks = (uint)(bucketBytes / Units.BlockBytes);
        Invariant.Require(_bucketBlocks > 0);
        _bucketCount = (uint)((blocks + _bucketBlocks - 1) / _bucketBlocks);
        _bucketHead = (uint*)NativeMemory.Alloc(_bucketCount, sizeof(uint));
        new Span<uint>(_bucketHead, (int)_bucketCount).Fill(ChunkedSlab.None);
    }

    /// <summary>Blocks that are not home.</summary>
    public int Count => _slab.Count;

    public OverlayEntry* this[uint entry] => (OverlayEntry*)_slab.At(entry);

    /// <returns>The entry or <see cref="ChunkedSlab.None"/>.</returns>
    public uint Find(uint onode, int block) =>
        _byKey.TryGet(Key(onode, block), out uint entry) ? entry : ChunkedSlab.None;

    /// <summary>Adds the block, or lets its entry point to the new place.</summary>
    public void Set(uint onode, int block, uint logBlock, uint crc)
    {
        U64Key key = Key(onode, block);
        OverlayEntry* entry;
        if (_byKey.TryGet(key, out uint number))
        {
            entry = this[number];
            UnlinkFromBucket(entry);
        }
        else
        {
            number = _slab.Allocate();
            _byKey.Set(key, number);
            entry = this[number];
            entry->Onode = onode;
            entry->Block = (uint)block;
            Onode* owner = _onodes[onode];
            entry->PrevOfObject = ChunkedSlab.None;
            entry->NextOfObject = owner->OverlayHead;
            if (owner->OverlayHead != ChunkedSlab.None) { this[owner->OverlayHead]->PrevOfObject = number; }
            owner->OverlayHead = number;
            owner->OverlayCount++;
        }
        entry->LogBlock = logBlock;
        entry->Crc = crc;
        uint bucket = logBlock / _bucketBlocks;
        entry->PrevInBucket = ChunkedSlab.None;
        entry->NextInBucket = _bucketHead[bucket];
        if (entry->NextInBucket != ChunkedSlab.None) { this[entry->NextInBucket]->PrevInBucket = number; }
        _bucketHead[bucket] = number;
    }

    public void Remove(uint number)
    {
        OverlayEntry* entry = this[number];
        UnlinkFromBucket(entry);
        Onode* owner = _onodes[entry->Onode];
        if (entry->NextOfObject != ChunkedSlab.None) { this[entry->NextOfObject]->PrevOfObject = entry->PrevOfObject; }
        if (entry->PrevOfObject != ChunkedSlab.None) { this[entry->PrevOfObject]->NextOfObject = entry->NextOfObject; }
        else { owner->OverlayHead = entry->NextOfObject; }
        owner->OverlayCount--;
        _ = _byKey.Remove(Key(entry->Onode, (int)entry->Block));
        _slab.Free(number);
    }

    /// <summary>An onode with a block in the log's [from, to), or <see cref="ChunkedSlab.None"/> when there is none.</summary>
    /// <param name="skip">Onodes with this flag do not count.</param>
    public uint FindOnodeIn(long fromBytes, long toBytes, OnodeFlags skip)
    {
        uint from = (uint)(fromBytes / Units.BlockBytes);
        uint to = (uint)Math.Min((toBytes + Units.BlockBytes - 1) / Units.BlockBytes, (long)_bucketCount * _bucketBlocks);
        for (uint bucket = from / _bucketBlocks; bucket < _bucketCount && bucket * _bucketBlocks < to; bucket++)
        {
            for (uint at = _bucketHead[bucket]; at != ChunkedSlab.None; at = this[at]->NextInBucket)
            {
                OverlayEntry* entry = this[at];
                if (entry->LogBlock >= from && entry->LogBlock < to && (_onodes[entry->Onode]->Flags & skip) == 0)
                {
                    return entry->Onode;
                }
            }
        }
        return ChunkedSlab.None;
    }

    public void Dispose()
    {
        _slab.Dispose();
        _byKey.Dispose();
        NativeMemory.Free(_bucketHead);
    }

    private void UnlinkFromBucket(OverlayEntry* entry)
    {
        if (entry->NextInBucket != ChunkedSlab.None) { this[entry->NextInBucket]->PrevInBucket = entry->PrevInBucket; }
        if (entry->PrevInBucket != ChunkedSlab.None) { this[entry->PrevInBucket]->NextInBucket = entry->NextInBucket; }
        else { _bucketHead[entry->LogBlock / _bucketBlocks] = entry->NextInBucket; }
    }

    private static U64Key Key(uint onode, int block) => new(((ulong)onode << 32) | (uint)block);
}

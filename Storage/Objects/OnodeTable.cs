using System;
using System.Numerics;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>All onodes of a shard: found by key, listed by collection. Numbers are stable while an onode lives; addresses are,
/// too.</summary>
internal sealed unsafe class OnodeTable : IDisposable
{
    private readonly ChunkedSlab _slab;
    private readonly UnmanagedMap<ObjectKey, uint> _byKey;
    private readonly int _mapWords;

    /// <param name="slots">Units of a whole object.</param>
    /// <param name="blocks">Blocks of a whole object.</param>
    /// <param name="expected">Objects to be ready for without growing.</param>
    public OnodeTable(int slots, int blocks, int expected)
    {
        Slots = slots;
        Blocks = blocks;
        _mapWords = (blocks + 63) / 64;
        int headerAndUnits = (sizeof(Onode) + (slots * sizeof(uint)) + 7) / 8 * 8;
        PresentOffset = headerAndUnits;
        _slab = new ChunkedSlab(headerAndUnits + (_mapWords * sizeof(ulong)));
        _byKey = new UnmanagedMap<ObjectKey, uint>(expected);
        Collections = new CollectionTable();
    }

    public int Slots { get; }
    public int Blocks { get; }
    public int Count => _slab.Count;
    public CollectionTable Collections { get; }

    /// <summary>All numbers are below this; not all of them are live.</summary>
    public uint End => _slab.End;

    public bool IsLive(uint number) => this[number]->Live;

    /// <summary>Words of a block map.</summary>
    public int MapWords => _mapWords;

    private int PresentOffset { get; }

    public Onode* this[uint number] => (Onode*)_slab.At(number);

    /// <summary>The unit of each slot.</summary>
    public static uint* Units(Onode* onode) => (uint*)(onode + 1);

    /// <summary>One bit per block: has data at home.</summary>
    public ulong* Present(Onode* onode) => (ulong*)((byte*)onode + PresentOffset);

    /// <returns>The onode's number or <see cref="ChunkedSlab.None"/>.</returns>
    public uint Find(ObjectKey key) => _byKey.TryGet(key, out uint number) ? number : ChunkedSlab.None;

    public uint FindOrAdd(ObjectKey key)
    {
        if (_byKey.TryGet(key, out uint number)) { return number; }
        number = _slab.Allocate();
        Onode* onode = this[number];
        onode->Live = true;
        onode->Group = key.Group;
        onode->Image = key.Image;
        onode->Index = key.Index;
        onode->CrcPage = BlobGeometry.None;
        onode->OverlayHead = ChunkedSlab.None;
        new Span<uint>(Units(onode), Slots).Fill(Onode.Unmapped);
        uint collection = Collections.FindOrAdd(new ImageKey(key.Group, key.Image));
        Collection* owner = Collections[collection];
        onode->Collection = collection;
        onode->PrevInCollection = ChunkedSlab.None;
        onode->NextInCollection = owner->FirstOnode;
        if (owner->FirstOnode != ChunkedSlab.None) { this[owner->FirstOnode]->PrevInCollection = number; }
        owner->FirstOnode = number;
        owner->Onodes++;
        _byKey.Set(key, number);
        return number;
    }

    /// <summary>Forgets an onode that holds nothing.</summary>
    public void Remove(uint number)
    {
        Onode* onode = this[number];
        Invariant.Require(onode->Flags == OnodeFlags.None && onode->OverlayCount == 0 && onode->Pending == 0);
        Invariant.Require(onode->Mapped == 0 && onode->PromisedSlots == 0 && onode->CrcPage == BlobGeometry.None);
        Collection* owner = Collections[onode->Collection];
        if (onode->NextInCollection != ChunkedSlab.None)
        {
            this[onode->NextInCollection]->PrevInCollection = onode->PrevInCollection;
        }
        if (onode->PrevInCollection != ChunkedSlab.None)
        {
            this[onode->PrevInCollection]->NextInCollection = onode->NextInCollection;
        }
        else { owner->FirstOnode = onode->NextInCollection; }
        owner->Onodes--;
        Collections.RemoveIfIdle(onode->Collection);
        _ = _byKey.Remove(new ObjectKey(onode->Group, onode->Image, onode->Index));
        onode->Live = false;
        _slab.Free(number);
    }

    public bool IsPresent(Onode* onode, int block) => (Present(onode)[block >> 6] >> (block & 63) & 1) != 0;

    public void SetPresent(Onode* onode, int block)
    {
        ulong* word = Present(onode) + (block >> 6);
        ulong bit = 1UL << (block & 63);
        if ((*word & bit) == 0) { onode->HomeBlocks++; }
        *word |= bit;
    }

    public void ClearPresent(Onode* onode, int block)
    {
        ulong* word = Present(onode) + (block >> 6);
        ulong bit = 1UL << (block & 63);
        if ((*word & bit) != 0) { onode->HomeBlocks--; }
        *word &= ~bit;
    }

    /// <summary>Blocks present among [first, first + count).</summary>
    public int CountPresent(Onode* onode, int first, int count)
    {
        ulong* present = Present(onode);
        int total = 0;
        for (int at = first; at < first + count;)
        {
            int bits = Math.Min(64 - (at & 63), first + count - at);
            ulong mask = bits == 64 ? ulong.MaxValue : ((1UL << bits) - 1) << (at & 63);
            total += BitOperations.PopCount(present[at >> 6] & mask);
            at += bits;
        }
        return total;
    }

    public void Dispose()
    {
        _slab.Dispose();
        _byKey.Dispose();
        Collections.Dispose();
    }
}

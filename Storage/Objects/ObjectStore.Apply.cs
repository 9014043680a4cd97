using System;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Objects;

// Room. Each slot of an object is unmapped, promised or mapped. Appending a write promises its unmapped slots: from then on the
// units are counted as gone, so a committed write always finds room when it moves home. A slot that a discard empties while
// writes are still on their way keeps a promise. When the object's last reservation has been used or given back, promises
// that no overlay block needs are taken back (Settle). So the count is exact whenever nothing is on its way, and never too
// low in between.
internal sealed unsafe partial class ObjectStore
{
    /// <summary>At append: sets aside the room that the write may need when it moves home. NoSpace = refuse the entry; Invalid =
    /// outside the object. Every success is used up by one <see cref="ApplyWrite"/> of the object or given back by one
    /// <see cref="Release"/>.</summary>
    public Errno TryReserve(PgId group, ObjectId obj, int firstBlock, int blocks)
    {
        if (!IsInside(firstBlock, blocks)) { return Errno.Invalid; }
        ObjectKey key = new(group, obj);
        uint number = _onodes.Find(key);
        int firstSlot = firstBlock / _options.BlocksPerAu;
        int lastSlot = (firstBlock + blocks - 1) / _options.BlocksPerAu;
        int aus = lastSlot - firstSlot + 1;
        uint pages = 1;
        if (number != ChunkedSlab.None)
        {
            Onode* onode = _onodes[number];
            uint* units = OnodeTable.Units(onode);
            for (int slot = firstSlot; slot <= lastSlot; slot++) { aus -= units[slot] == Onode.Unmapped ? 0 : 1; }
            pages = NeedsPage(onode) ? 1u : 0u;
        }
        if ((aus > 0 || pages > 0) && AvailableAus(pages) < aus)
        {
            _statistics.Refused++;
            return Errno.NoSpace;
        }
        number = _onodes.FindOrAdd(key);
        Promise(number, firstSlot, lastSlot);
        _onodes[number]->Pending++;
        return Errno.None;
    }

    /// <summary>As <see cref="TryReserve"/> for an entry that is in the log already (after a restart): never refused, because it
    /// may be committed. Free space may run below zero for a while.</summary>
    public void ReserveLogged(PgId group, ObjectId obj, int firstBlock, int blocks)
    {
        Invariant.Require(IsInside(firstBlock, blocks));
        uint number = _onodes.FindOrAdd(new ObjectKey(group, obj));
        Promise(number, firstBlock / _options.BlocksPerAu, (firstBlock + blocks - 1) / _options.BlocksPerAu);
        _onodes[number]->Pending++;
    }

    /// <summary>Gives back one reservation of a write that will not be applied (its entry was truncated).</summary>
    public void Release(PgId group, ObjectId obj)
    {
        uint number = _onodes.Find(new ObjectKey(group, obj));
        if (number == ChunkedSlab.None) { return; } // the group was deleted meanwhile
        Onode* onode = _onodes[number];
        if (onode->Pending > 0) { onode->Pending--; }
        onode->Flags |= OnodeFlags.LoosePromises;
        Settle(number);
    }

    /// <summary>Makes a committed write visible; whole blocks, one CRC-32C each. Skipped if the object already holds
    /// <paramref name="version"/> (Raft index), as on replay. The calls of a group come in order of version.</summary>
    public void ApplyWrite(
        PgId group, ObjectId obj, ulong version, int firstBlock, int blocks, LogLocation at, ReadOnlySpan<uint> crcs)
    {
        Invariant.Require(IsInside(firstBlock, blocks) && crcs.Length == blocks);
        Invariant.Require(at.DeviceOffset % Units.BlockBytes == 0);
        uint number = _onodes.FindOrAdd(new ObjectKey(group, obj));
        Onode* onode = _onodes[number];
        if (onode->Pending > 0) { onode->Pending--; }
        if (version <= onode->HomeVersion || version <= _onodes.Collections[onode->Collection]->PurgedAt)
        {
            _statistics.Skipped++;
            onode->Flags |= OnodeFlags.LoosePromises;
            Settle(number);
            return;
        }
        Promise(number, firstBlock / _options.BlocksPerAu, (firstBlock + blocks - 1) / _options.BlocksPerAu);
        uint logBlock = (uint)(at.DeviceOffset / Units.BlockBytes);
        for (int i = 0; i < blocks; i++) { _overlay.Set(number, firstBlock + i, logBlock + (uint)i, crcs[i]); }
        _statistics.BlocksApplied += blocks;
        Touch(number, version);
        if (onode->Is(OnodeFlags.LoosePromises)) { Settle(number); }
    }

    /// <summary>Whole blocks become holes; their space is freed in the background.</summary>
    public void ApplyDiscard(PgId group, ObjectId obj, ulong version, int firstBlock, int blocks)
    {
        Invariant.Require(IsInside(firstBlock, blocks));
        uint number = _onodes.Find(new ObjectKey(group, obj));
        if (number == ChunkedSlab.None || !_onodes[number]->Is(OnodeFlags.Exists)) { return; }
        Onode* onode = _onodes[number];
        if (version <= onode->HomeVersion)
        {
            _statistics.Skipped++;
            return;
        }
        RemoveOverlay(onode, number, firstBlock, blocks);
        for (int b = firstBlock; b < firstBlock + blocks; b++) { _onodes.ClearPresent(onode, b); }
        _statistics.BlocksDiscarded += blocks;
        Touch(number, version);
        MarkStale(number);
        onode->Flags |= OnodeFlags.LoosePromises;
        DropEmptySlots(number, firstBlock / _options.BlocksPerAu, (firstBlock + blocks - 1) / _options.BlocksPerAu);
        Settle(number);
    }

    /// <summary>Whole blocks read as zeros from now on; same effect as a discard.</summary>
    public void ApplyWriteZeroes(PgId group, ObjectId obj, ulong version, int firstBlock, int blocks) =>
        ApplyDiscard(group, obj, version, firstBlock, blocks);

    /// <summary>Removes the image's objects in this group (committed at <paramref name="version"/>); older entries of it that
    /// are applied later (replay) are skipped.</summary>
    public void DeleteImage(PgId group, ImageId image, ulong version)
    {
        uint at = _onodes.Collections.FindOrAdd(new ImageKey(group, image));
        Collection* collection = _onodes.Collections[at];
        if (version < collection->PurgedAt) { return; }
        // The same again: a hand-over of an older state may have brought objects back since.
        if (version > collection->PurgedAt)
        {
            collection->PurgedAt = version;
            MarkDirtyCollection(at);
        }
        RemoveObjectsOf(collection, upTo: version);
    }

    /// <summary>Removes everything of the group: its incarnation is gone, so nothing of it is remembered.</summary>
    public void DeleteGroup(PgId group)
    {
        for (uint at = _onodes.Collections.FirstOfGroup(group.Value); at != ChunkedSlab.None;)
        {
            Collection* collection = _onodes.Collections[at];
            uint next = collection->NextInGroup;
            if (collection->PurgedAt > 0)
            {
                collection->PurgedAt = 0;
                MarkDirtyCollection(at);
            }
            for (uint number = collection->FirstOnode; number != ChunkedSlab.None;)
            {
                Onode* onode = _onodes[number];
                uint nextOnode = onode->NextInCollection;
                onode->Pending = 0;
                RemoveContents(number);
                number = nextOnode;
            }
            at = next;
        }
    }

    /// <summary>The log holds no entry of the group below <paramref name="firstIndex"/> any more, so what was kept only to
    /// skip such entries on replay (empty objects, removed images) can be forgotten.</summary>
    public void ForgetBelow(PgId group, ulong firstIndex)
    {
        for (uint at = _onodes.Collections.FirstOfGroup(group.Value); at != ChunkedSlab.None;)
        {
            Collection* collection = _onodes.Collections[at];
            uint next = collection->NextInGroup;
            if (collection->PurgedAt > 0 && collection->PurgedAt < firstIndex)
            {
                collection->PurgedAt = 0;
                MarkDirtyCollection(at);
            }
            for (uint number = collection->FirstOnode; number != ChunkedSlab.None;)
            {
                Onode* onode = _onodes[number];
                uint nextOnode = onode->NextInCollection;
                if (onode->Version < firstIndex && onode->Is(OnodeFlags.Exists) && IsEmpty(onode)
                    && !onode->Is(OnodeFlags.Busy))
                {
                    RemoveContents(number);
                }
                number = nextOnode;
            }
            at = next;
        }
    }

    /// <summary>Removes one object as if it had never been (hand-over: it is not in the leader's list).</summary>
    public void RemoveObject(PgId group, ObjectId obj)
    {
        uint number = _onodes.Find(new ObjectKey(group, obj));
        if (number != ChunkedSlab.None) { RemoveContents(number); }
    }

    /// <summary>Takes back promises that nothing needs and forgets the onode when nothing is left of it.</summary>
    internal void Settle(uint number)
    {
        Onode* onode = _onodes[number];
        if (onode->Pending > 0 || onode->Is(OnodeFlags.Busy)) { return; }
        if (onode->Is(OnodeFlags.LoosePromises))
        {
            onode->Flags &= ~OnodeFlags.LoosePromises;
            TakeBackPromises(onode, number);
        }
        if (IsEmpty(onode) && onode->CrcPage != BlobGeometry.None)
        {
            _blobs.DropPage(onode->CrcPage);
            onode->CrcPage = BlobGeometry.None;
            MarkDirty(number);
        }
        if (onode->Flags == OnodeFlags.None && IsEmpty(onode)) { _onodes.Remove(number); }
    }

    /// <summary>A unit promised to the slot, or nothing promised yet, becomes a real one.</summary>
    internal void MapSlot(uint number, int slot, uint au)
    {
        Onode* onode = _onodes[number];
        uint* unit = OnodeTable.Units(onode) + slot;
        if (*unit == Onode.Promised)
        {
            onode->PromisedSlots--;
            _promisedAus--;
        }
        else
        {
            Invariant.Require(*unit == Onode.Unmapped);
            _onodes.Collections[onode->Collection]->Aus++;
        }
        *unit = au;
        onode->Mapped++;
    }

    /// <summary>The object got its own checksum page.</summary>
    internal void TakePagePromise(Onode* onode)
    {
        if (!onode->Is(OnodeFlags.PagePromised)) { return; }
        onode->Flags &= ~OnodeFlags.PagePromised;
        _promisedPages--;
    }

    /// <summary>Gives up the units of slots in [first, last] that hold no block; not while somebody works on the object.</summary>
    internal void DropEmptySlots(uint number, int firstSlot, int lastSlot)
    {
        Onode* onode = _onodes[number];
        if (onode->Is(OnodeFlags.Busy)) { return; }
        uint* units = OnodeTable.Units(onode);
        for (int slot = firstSlot; slot <= lastSlot; slot++)
        {
            if (units[slot] >= Onode.Promised || HasBlocks(onode, number, slot)) { continue; }
            _blobs.DropAu(units[slot]);
            onode->Mapped--;
            MarkDirty(number);
            if (onode->Pending > 0)
            {
                // A write on its way counted on this unit.
                units[slot] = Onode.Promised;
                onode->PromisedSlots++;
                onode->Flags |= OnodeFlags.LoosePromises;
                _promisedAus++;
                continue;
            }
            units[slot] = Onode.Unmapped;
            _onodes.Collections[onode->Collection]->Aus--;
        }
    }

    /// <summary>The object was changed by entry <paramref name="version"/>.</summary>
    internal void Touch(uint number, ulong version)
    {
        Onode* onode = _onodes[number];
        if (version > onode->Version) { onode->Version = version; }
        if (onode->Is(OnodeFlags.Exists)) { return; }
        onode->Flags |= OnodeFlags.Exists;
        _onodes.Collections[onode->Collection]->Objects++;
    }

    /// <summary>Everything of the object goes; the onode stays only as long as something refers to it.</summary>
    internal void RemoveContents(uint number)
    {
        Onode* onode = _onodes[number];
        while (onode->OverlayCount > 0) { _overlay.Remove(onode->OverlayHead); }
        new Span<ulong>(_onodes.Present(onode), _onodes.MapWords).Clear();
        onode->HomeBlocks = 0;
        onode->Version = 0;
        onode->HomeVersion = 0;
        if (onode->Is(OnodeFlags.Exists)) { _onodes.Collections[onode->Collection]->Objects--; }
        onode->Flags &= ~OnodeFlags.Exists;
        onode->Flags |= OnodeFlags.LoosePromises | (onode->Is(OnodeFlags.Busy) ? OnodeFlags.Removed : OnodeFlags.None);
        UnlinkStale(number);
        if (onode->Is(OnodeFlags.Recorded)) { MarkDirty(number); }
        DropEmptySlots(number, 0, _onodes.Slots - 1);
        Settle(number);
    }

    private void RemoveObjectsOf(Collection* collection, ulong upTo)
    {
        for (uint number = collection->FirstOnode; number != ChunkedSlab.None;)
        {
            uint next = _onodes[number]->NextInCollection;
            if (_onodes[number]->Version <= upTo) { RemoveContents(number); }
            number = next;
        }
    }

    private void RemoveOverlay(Onode* onode, uint number, int firstBlock, int blocks)
    {
        if (onode->OverlayCount == 0) { return; }
        if (blocks < onode->OverlayCount)
        {
            for (int b = firstBlock; b < firstBlock + blocks; b++)
            {
                uint entry = _overlay.Find(number, b);
                if (entry != ChunkedSlab.None) { _overlay.Remove(entry); }
            }
            return;
        }
        for (uint entry = onode->OverlayHead; entry != ChunkedSlab.None;)
        {
            uint next = _overlay[entry]->NextOfObject;
            if (_overlay[entry]->Block - (long)firstBlock is var at && at >= 0 && at < blocks) { _overlay.Remove(entry); }
            entry = next;
        }
    }

    private void Promise(uint number, int firstSlot, int lastSlot)
    {
        Onode* onode = _onodes[number];
        uint* units = OnodeTable.Units(onode);
        for (int slot = firstSlot; slot <= lastSlot; slot++)
        {
            if (units[slot] != Onode.Unmapped) { continue; }
            units[slot] = Onode.Promised;
            onode->PromisedSlots++;
            _promisedAus++;
            _onodes.Collections[onode->Collection]->Aus++;
        }
        if (NeedsPage(onode))
        {
            onode->Flags |= OnodeFlags.PagePromised;
            _promisedPages++;
        }
    }

    private void TakeBackPromises(Onode* onode, uint number)
    {
        uint* units = OnodeTable.Units(onode);
        for (int slot = 0; slot < _onodes.Slots && onode->PromisedSlots > 0; slot++)
        {
            if (units[slot] != Onode.Promised || HasBlocks(onode, number, slot)) { continue; }
            units[slot] = Onode.Unmapped;
            onode->PromisedSlots--;
            _promisedAus--;
            _onodes.Collections[onode->Collection]->Aus--;
        }
        if (onode->OverlayCount == 0) { TakePagePromise(onode); }
    }

    private bool HasBlocks(Onode* onode, uint number, int slot)
    {
        int first = slot * _options.BlocksPerAu;
        if (onode->HomeBlocks > 0 && _onodes.CountPresent(onode, first, _options.BlocksPerAu) > 0) { return true; }
        for (int b = first; onode->OverlayCount > 0 && b < first + _options.BlocksPerAu; b++)
        {
            if (_overlay.Find(number, b) != ChunkedSlab.None) { return true; }
        }
        return false;
    }

    private bool IsInside(int firstBlock, int blocks) =>
        firstBlock >= 0 && blocks > 0 && firstBlock <= _options.BlocksPerObject - blocks;

    private static bool IsEmpty(Onode* onode) =>
        onode->HomeBlocks == 0 && onode->OverlayCount == 0 && onode->Mapped == 0 && onode->PromisedSlots == 0;

    private static bool NeedsPage(Onode* onode) =>
        onode->CrcPage == BlobGeometry.None && !onode->Is(OnodeFlags.PagePromised);
}

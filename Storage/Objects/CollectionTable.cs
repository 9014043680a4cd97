using System;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>All collections, found by (group, image) and, group by group, as lists.</summary>
internal sealed unsafe class CollectionTable : IDisposable
{
    private readonly ChunkedSlab _slab = new(sizeof(Collection));
    private readonly UnmanagedMap<ImageKey, uint> _byKey = new(256);
    private readonly UnmanagedMap<U64Key, uint> _firstOfGroup = new(256);

    public Collection* this[uint number] => (Collection*)_slab.At(number);

    public uint Find(ImageKey key) => _byKey.TryGet(key, out uint number) ? number : ChunkedSlab.None;

    public uint FirstOfGroup(ulong group) =>
        _firstOfGroup.TryGet(new U64Key(group), out uint number) ? number : ChunkedSlab.None;

    public uint FindOrAdd(ImageKey key)
    {
        if (_byKey.TryGet(key, out uint number)) { return number; }
        number = _slab.Allocate();
        Collection* added = this[number];
        added->Group = key.Group;
        added->Image = key.Image;
        added->FirstOnode = ChunkedSlab.None;
        added->PrevInGroup = ChunkedSlab.None;
        added->NextInGroup = FirstOfGroup(key.Group);
        if (added->NextInGroup != ChunkedSlab.None) { this[added->NextInGroup]->PrevInGroup = number; }
        _firstOfGroup.Set(new U64Key(key.Group), number);
        _byKey.Set(key, number);
        return number;
    }

    /// <summary>Removes an empty collection that has nothing to remember.</summary>
    public void RemoveIfIdle(uint number)
    {
        Collection* idle = this[number];
        if (idle->Onodes > 0 || idle->PurgedAt > 0 || idle->Dirty) { return; }
        if (idle->NextInGroup != ChunkedSlab.None) { this[idle->NextInGroup]->PrevInGroup = idle->PrevInGroup; }
        if (idle->PrevInGroup != ChunkedSlab.None) { this[idle->PrevInGroup]->NextInGroup = idle->NextInGroup; }
        else if (idle->NextInGroup != ChunkedSlab.None) { _firstOfGroup.Set(new U64Key(idle->Group), idle->NextInGroup); }
        else { _ = _firstOfGroup.Remove(new U64Key(idle->Group)); }
        _ = _byKey.Remove(new ImageKey(idle->Group, idle->Image));
        _slab.Free(number);
    }

    public void Dispose()
    {
        _slab.Dispose();
        _byKey.Dispose();
        _firstOfGroup.Dispose();
    }
}

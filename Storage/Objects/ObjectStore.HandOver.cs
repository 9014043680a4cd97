using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

// What delta recovery needs. The sender lists the group's objects with their versions, and for each that the receiver lacks
// sends its block map, data and CRCs (ordinary reads). Blocks newer than the listed version may slip in while the object is
// being read; that does no harm, because the receiver replays all entries above the listed version, each of which overwrites
// whole blocks, and serves nothing before it is past the newest one.
internal sealed unsafe partial class ObjectStore
{
    private uint[] _listing = [];

    /// <summary>Version of an object (Raft index of its last change); 0 = does not exist.</summary>
    public ulong VersionOf(PgId group, ObjectId obj)
    {
        uint number = _onodes.Find(new ObjectKey(group, obj));
        return number != ChunkedSlab.None && _onodes[number]->Is(OnodeFlags.Exists) ? _onodes[number]->Version : 0;
    }

    /// <summary>Raft index up to which the object is durable at home: entries up to it are skipped.</summary>
    public ulong HomeVersionOf(PgId group, ObjectId obj)
    {
        uint number = _onodes.Find(new ObjectKey(group, obj));
        return number != ChunkedSlab.None && _onodes[number]->Is(OnodeFlags.Exists) ? _onodes[number]->HomeVersion : 0;
    }

    /// <summary>Bit b % 64 of word b / 64 is set when block b holds data (else it is a hole). Returns the version.</summary>
    public ulong GetBlockMap(PgId group, ObjectId obj, Span<ulong> map)
    {
        map.Clear();
        uint number = _onodes.Find(new ObjectKey(group, obj));
        if (number == ChunkedSlab.None || !_onodes[number]->Is(OnodeFlags.Exists)) { return 0; }
        Onode* onode = _onodes[number];
        // The store keeps room for the largest objects; the caller's map may be of a pool with smaller ones.
        new ReadOnlySpan<ulong>(_onodes.Present(onode), Math.Min(_onodes.MapWords, map.Length)).CopyTo(map);
        for (uint at = onode->OverlayHead; at != ChunkedSlab.None; at = _overlay[at]->NextOfObject)
        {
            map[(int)(_overlay[at]->Block >> 6)] |= 1UL << (int)(_overlay[at]->Block & 63);
        }
        return onode->Version;
    }

    /// <summary>Next objects of the group in (image, index) order after <paramref name="after"/>; returns how many.</summary>
    public int List(PgId group, ObjectId? after, Span<ObjectVersion> page)
    {
        int filled = 0;
        ulong image = after?.Image.Value ?? 0;
        long afterIndex = after?.Index ?? -1L;
        while (filled < page.Length && TryFindImageFrom(group, image, out uint at))
        {
            Collection* collection = _onodes.Collections[at];
            if (collection->Image != after?.Image.Value) { afterIndex = -1; }
            int count = SortIndexes(collection);
            for (int i = 0; i < count && filled < page.Length; i++)
            {
                if (_listing[i] <= afterIndex) { continue; }
                ObjectId obj = new(new ImageId(collection->Image), _listing[i]);
                page[filled++] = new ObjectVersion(obj, VersionOf(group, obj));
            }
            if (collection->Image == ulong.MaxValue) { break; }
            image = collection->Image + 1;
        }
        return filled;
    }

    /// <summary>Groups that have objects here, in order.</summary>
    public void GetGroups(List<PgId> into)
    {
        into.Clear();
        SortedSet<ulong> groups = [];
        for (uint number = 0; number < _onodes.End; number++)
        {
            if (_onodes.IsLive(number) && _onodes[number]->Is(OnodeFlags.Exists)) { _ = groups.Add(_onodes[number]->Group); }
        }
        foreach (ulong group in groups) { into.Add(new PgId(group)); }
    }

    /// <summary>The collection with the smallest image id that is at least <paramref name="image"/>.</summary>
    private bool TryFindImageFrom(PgId group, ulong image, out uint found)
    {
        found = ChunkedSlab.None;
        for (uint at = _onodes.Collections.FirstOfGroup(group.Value); at != ChunkedSlab.None;)
        {
            Collection* collection = _onodes.Collections[at];
            if (collection->Image >= image
                && (found == ChunkedSlab.None || collection->Image < _onodes.Collections[found]->Image))
            {
                found = at;
            }
            at = collection->NextInGroup;
        }
        return found != ChunkedSlab.None;
    }

    private int SortIndexes(Collection* collection)
    {
        int count = 0;
        if (_listing.Length < collection->Onodes) { _listing = new uint[collection->Onodes]; }
        for (uint number = collection->FirstOnode; number != ChunkedSlab.None; number = _onodes[number]->NextInCollection)
        {
            if (_onodes[number]->Is(OnodeFlags.Exists)) { _listing[count++] = _onodes[number]->Index; }
        }
        _listing.AsSpan(0, count).Sort();
        return count;
    }
}

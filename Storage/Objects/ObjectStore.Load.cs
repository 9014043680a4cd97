using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

internal sealed unsafe partial class ObjectStore
{
    /// <summary>Takes over all records and marks what they refer to as used: to be called once, after the key-value store has
    /// been replayed and before anything else. Entries of the log are applied afterwards by their owner. Reads nothing from the
    /// data region.</summary>
    public ObjectLoadResult Load(IObjectDamageSink? damage = null)
    {
        Loader loader = new(this, damage);
        _records.Scan(OnodeRecord.PurgePrefix, loader);
        _records.Scan(OnodeRecord.ObjectPrefix, loader);
        return new ObjectLoadResult(loader.Objects, loader.Damaged);
    }

    /// <summary>Groups of which <see cref="Load"/> took over anything.</summary>
    public IReadOnlyCollection<PgId> LoadedGroups => _loadedGroups;

    private readonly SortedSet<PgId> _loadedGroups = [];

    private sealed class Loader(ObjectStore store, IObjectDamageSink? damage) : IObjectRecordSink
    {
        private readonly uint[] _units = new uint[store._options.SlotsPerObject];
        private readonly ulong[] _present = new ulong[store._onodes.MapWords];

        public long Objects { get; private set; }
        public long Damaged { get; private set; }

        public void OnRecord(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            if (OnodeRecord.TryReadPurge(key, value, out ImageKey image, out ulong purgedAt))
            {
                Collection* collection = store._onodes.Collections[store._onodes.Collections.FindOrAdd(image)];
                collection->PurgedAt = purgedAt;
                collection->Recorded = true;
                _ = store._loadedGroups.Add(new PgId(image.Group));
                return;
            }
            if (!OnodeRecord.TryReadKey(key, out ObjectKey obj))
            {
                Report(default, ObjectDamage.BadRecord);
                return;
            }
            bool decoded = OnodeRecord.TryRead(
                value, _units, _present, store._options.BlocksPerAu, out OnodeRecord.Header header);
            if (!decoded || header.Version == 0)
            {
                Report(obj, ObjectDamage.BadRecord);
                return;
            }
            if (!TryMark(in header))
            {
                Report(obj, ObjectDamage.DoubleReference);
                return;
            }
            Take(obj, in header);
            _ = store._loadedGroups.Add(new PgId(obj.Group));
            Objects++;
        }

        private void Take(ObjectKey key, in OnodeRecord.Header header)
        {
            uint number = store._onodes.FindOrAdd(key);
            Onode* onode = store._onodes[number];
            onode->HomeVersion = header.Version;
            onode->CrcPage = header.CrcPage;
            onode->CrcPageSum = header.CrcPageSum;
            for (int slot = 0; slot < _units.Length; slot++)
            {
                if (_units[slot] != Onode.Unmapped) { store.MapSlot(number, slot, _units[slot]); }
            }
            _present.CopyTo(new Span<ulong>(store._onodes.Present(onode), _present.Length));
            onode->HomeBlocks = OnodeRecord.CountBits(_present, 0, store._options.BlocksPerObject);
            onode->Flags |= OnodeFlags.Recorded;
            store.Touch(number, header.Version);
        }

        /// <summary>All or nothing: an object that shares space with another is not taken at all, so that nobody frees the
        /// other's space or takes its blocks for holes.</summary>
        private bool TryMark(in OnodeRecord.Header header)
        {
            if (header.CrcPage != BlobGeometry.None && !store._blobs.TryMarkPage(header.CrcPage)) { return false; }
            for (int slot = 0; slot < _units.Length; slot++)
            {
                if (_units[slot] == Onode.Unmapped || store._blobs.TryMarkAu(_units[slot])) { continue; }
                for (int undo = 0; undo < slot; undo++)
                {
                    if (_units[undo] != Onode.Unmapped) { store._blobs.ReturnAu(_units[undo]); }
                }
                if (header.CrcPage != BlobGeometry.None) { store._blobs.ReturnPage(header.CrcPage); }
                return false;
            }
            return true;
        }

        private void Report(ObjectKey obj, ObjectDamage kind)
        {
            Damaged++;
            damage?.OnDamage(new PgId(obj.Group), new ObjectId(new ImageId(obj.Image), obj.Index), kind, -1);
        }
    }
}

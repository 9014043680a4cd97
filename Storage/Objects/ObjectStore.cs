using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Blobs;
using Fastblock.Storage.Device;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Objects;

// An object's block is in one of three places, looked for in this order:
//
//   overlay   in the log, where its entry was appended; the table in memory says where
//   home      in an allocation unit of the data region; the object's record says where, its checksum page has the CRC
//   hole      nowhere: zeros
//
//   ApplyWrite:   -> overlay                                                      (memory only, no device write)
//   ApplyDiscard: -> hole                                                         (memory; a record follows in the background)
//   move home:    overlay -> written to its unit -> flushed -> record durable -> home   (ObjectMover.cs)
//
// What is durable when: an entry in the log is the durable form of a change until the object's record holds it. A record with
// version v says "everything up to Raft index v is home"; on replay entries up to v are skipped, newer ones are applied again,
// in order, and make the overlay as it was. The log keeps an entry until the record covers it: before a segment is freed, all
// objects that have blocks in it, and all whose newest change is a discard, are moved home whole (MoveHomeAsync).
//
// A record may at any time drop blocks that were discarded after its version: their discard is still in the log and is
// replayed, so the end is the same. That is how space is freed without waiting for the cleaner (ObjectStore.Flush.cs).

/// <summary>The objects of one shard. Applying is memory-only and synchronous: the data stay where the log put them until the
/// log's cleaner moves them home. One reactor's thread only.</summary>
internal sealed unsafe partial class ObjectStore : IRunnable, IDisposable
{
    private readonly Reactor _reactor;
    private readonly IBlockDevice _device;
    private readonly IObjectRecords _records;
    private readonly ObjectStoreOptions _options;
    private readonly OnodeTable _onodes;
    private readonly OverlayTable _overlay;
    private readonly Blobstore _blobs;
    private readonly CrcPageCache _crcPages;
    private readonly DurabilityGate _durable = new();
    private readonly ReadGate _reads;
    private readonly byte[] _record;
    private uint _promisedAus;
    private uint _promisedPages;

    /// <param name="device">The shard's part; log locations and the data region are offsets on it.</param>
    /// <param name="records">Open already: <see cref="Load"/> reads them.</param>
    public ObjectStore(Reactor reactor, IBlockDevice device, IObjectRecords records, ObjectStoreOptions options)
    {
        Invariant.Require(options.ObjectBytes % options.AuBytes == 0);
        Invariant.Require(options.BlocksPerObject <= CrcPageFormat.MaxBlocks);
        _reactor = reactor;
        _device = device;
        _records = records;
        _options = options;
        BlobGeometry geometry = new(options.DataOffset, options.DataBytes, options.AuBytes);
        _blobs = new Blobstore(geometry, options.TrimDevice ? new DeviceTrimmer(device, geometry) : null);
        long objects = Math.Min(options.DataBytes / options.ObjectBytes, 1 << 20);
        _onodes = new OnodeTable(options.SlotsPerObject, options.BlocksPerObject, (int)Math.Max(objects, 64));
        long blocksInLog = Math.Min(options.LogBytes / Units.BlockBytes, 1 << 21);
        _overlay = new OverlayTable(_onodes, options.DeviceBytes, options.SegmentBytes, (int)blocksInLog);
        _crcPages = new CrcPageCache(options.CrcCacheBytes);
        _reads = new ReadGate(_blobs.Pins);
        _durable.OnProgress = this;
        _record = new byte[OnodeRecord.MaxBytes(options.SlotsPerObject, options.BlocksPerObject)];
        ZeroBlockCrc = Crc32C.Compute(new byte[Units.BlockBytes]);
    }

    /// <summary>A store on a shard's part and its key-value store.</summary>
    public ObjectStore(Reactor reactor, ShardVolume volume, KvStore kv, ObjectStoreOptions? options = null)
        : this(reactor, volume.Part, new KvObjectRecords(kv), options ?? ObjectStoreOptions.For(volume)) { }

    /// <summary>CRC-32C of 4096 zeros: that of a hole.</summary>
    public uint ZeroBlockCrc { get; }

    public ObjectStoreOptions Options => _options;

    /// <summary>Blocks whose checksum did not match, and checksum pages: see <see cref="ObjectStoreStatistics"/>.</summary>
    public ref readonly ObjectStoreStatistics Statistics => ref _statistics;

    private ObjectStoreStatistics _statistics;

    /// <summary>Objects in memory, those included that are only reserved or being deleted.</summary>
    public int ObjectCount => _onodes.Count;

    /// <summary>Blocks that are in the log only.</summary>
    public int OverlayBlocks => _overlay.Count;

    /// <summary>Size of the data region.</summary>
    public long TotalBytes => _blobs.Geometry.SizeBytes;

    /// <summary>Allocated, including what is being freed.</summary>
    public long UsedBytes => TotalBytes - ((long)_blobs.FreeAus * _options.AuBytes);

    /// <summary>Allocated, or promised to what is in the log still: what data takes, wherever it lies at the moment.</summary>
    public long HeldBytes => UsedBytes + (((long)_promisedAus + PageAusPromised(0)) * _options.AuBytes);

    /// <summary>Promised to writes that are not home yet, plus the fixed reserve.</summary>
    public long ReservedBytes => ((long)_promisedAus + PageAusPromised(0) + _options.EffectiveReserveAus) * _options.AuBytes;

    /// <summary>What new writes can still get.</summary>
    public long FreeBytes => Math.Max(0, AvailableAus(0)) * _options.AuBytes;

    internal OnodeTable Onodes => _onodes;
    internal OverlayTable Overlay => _overlay;
    internal Blobstore Blobs => _blobs;
    internal CrcPageCache CrcPages => _crcPages;
    internal DurabilityGate Durability => _durable;
    internal ReadGate Reads => _reads;
    internal IObjectRecords Records => _records;
    internal IBlockDevice Device => _device;
    internal Reactor Reactor => _reactor;
    internal ref ObjectStoreStatistics Counters => ref _statistics;

    /// <summary>Usage of every image with objects in the group, ordered by image.</summary>
    public void GetUsage(PgId group, List<ImageUsage> into)
    {
        into.Clear();
        for (uint at = _onodes.Collections.FirstOfGroup(group.Value); at != ChunkedSlab.None;)
        {
            Collection* collection = _onodes.Collections[at];
            if (collection->Objects > 0)
            {
                into.Add(new ImageUsage(
                    group, new ImageId(collection->Image), collection->Objects, collection->Aus * _options.AuBytes));
            }
            at = collection->NextInGroup;
        }
        into.Sort(static (a, b) => a.Image.Value.CompareTo(b.Image.Value));
    }

    /// <summary>Bytes that the group's objects hold or have been promised.</summary>
    public long UsedBytesOf(PgId group)
    {
        long aus = 0;
        for (uint at = _onodes.Collections.FirstOfGroup(group.Value); at != ChunkedSlab.None;)
        {
            Collection* collection = _onodes.Collections[at];
            aus += collection->Aus;
            at = collection->NextInGroup;
        }
        return aus * _options.AuBytes;
    }

    public void Dispose()
    {
        while (_installs.TryPop(out ObjectInstall? install)) { install.Dispose(); }
        DisposeRepair();
        _onodes.Dispose();
        _overlay.Dispose();
        _blobs.Dispose();
        _crcPages.Dispose();
        while (_parts.TryPop(out ReadPart? part)) { part.Dispose(); }
        foreach (nint page in _scratchPages) { NativeMemory.AlignedFree((void*)page); }
        _scratchPages.Clear();
    }

    /// <summary>More of the log is durable: space may have become free.</summary>
    void IRunnable.Run() => _blobs.Advance(_durable.Durable);

    /// <summary>Units that a new promise can still get; may be negative after forced promises (replay).</summary>
    private long AvailableAus(uint newPages) =>
        (long)_blobs.FreeAus + _blobs.LeavingAus - _promisedAus - PageAusPromised(newPages) - _options.EffectiveReserveAus;

    /// <summary>Units that the promised checksum pages need beyond the pages that are there.</summary>
    private long PageAusPromised(uint newPages)
    {
        long missing = Math.Max(0, (long)_promisedPages + newPages - _blobs.FreePages);
        return (missing + _options.BlocksPerAu - 1) / _options.BlocksPerAu;
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Objects;

/// <summary>Geometry and limits of an object store. Tests make everything tiny.</summary>
internal sealed record ObjectStoreOptions
{
    /// <summary>Where the data region begins on the shard's part, and how long it is.</summary>
    public required long DataOffset { get; init; }

    /// <inheritdoc cref="DataOffset"/>
    public required long DataBytes { get; init; }

    /// <summary>All log locations are below this.</summary>
    public required long DeviceBytes { get; init; }

    /// <summary>Length of the log; bounds the overlay.</summary>
    public required long LogBytes { get; init; }

    /// <summary>The log's segment size: the overlay is listed by stretches of this length.</summary>
    public required long SegmentBytes { get; init; }

    /// <summary>Allocation unit: a power of two, 4 KiB to 256 KiB. Part of the on-disk format: never change it on a device.</summary>
    public int AuBytes { get; init; } = (int)(64 * Units.KiB);

    /// <summary>Largest object: a multiple of the unit, at most 4 MiB (its checksums fill one page then).</summary>
    public int ObjectBytes { get; init; } = (int)(4 * Units.MiB);

    /// <summary>Memory for checksum pages.</summary>
    public long CrcCacheBytes { get; init; } = 32 * Units.MiB;

    /// <summary>Units that writes never get: moves home, checksum pages and deletions work when everything else is full.
    /// 0 = what two batches of checksum pages need, or 1/200 of the region (at most 4096 units) if that is more.</summary>
    public uint ReserveAus { get; init; }

    /// <summary>Objects whose moves home share one flush and one record.</summary>
    public int MoveObjects { get; init; } = 64;

    /// <summary>Blocks of a batch of moves; one object more than that may be in it.</summary>
    public int MoveBlocks { get; init; } = 512;

    /// <summary>Blocks read and written at once while moving: enough for a disk's queue, and few enough that checking them (and
    /// copying them, on a device in memory) does not hold clients' requests up for long.</summary>
    public int MoveChunkBlocks { get; init; } = 64;

    /// <summary>Requests of moves at the device at a time, without and with the log's pressure: a client's request finds so many
    /// before it.</summary>
    public int MoveRequestsMin { get; init; } = 8;

    /// <inheritdoc cref="MoveRequestsMin"/>
    public int MoveRequestsMax { get; init; } = 32;

    /// <summary>Discard freed units on the device.</summary>
    public bool TrimDevice { get; init; } = true;

    /// <summary>The geometry of a shard's part.</summary>
    public static ObjectStoreOptions For(ShardVolume volume) => new()
    {
        DataOffset = volume.DataOffset,
        DataBytes = volume.DataBytes,
        DeviceBytes = volume.Part.SizeBytes,
        LogBytes = volume.LogBytes,
        SegmentBytes = volume.SegmentBytes,
    };

    public int BlocksPerAu => AuBytes / Units.BlockBytes;
    public int BlocksPerObject => ObjectBytes / Units.BlockBytes;
    public int SlotsPerObject => ObjectBytes / AuBytes;

    /// <summary><see cref="ReserveAus"/> with 0 resolved.</summary>
    public uint EffectiveReserveAus
    {
        get
        {
            if (ReserveAus > 0) { return ReserveAus; }
            uint pages = (uint)(2 * MoveObjects / BlocksPerAu) + 2;
            long share = DataBytes / AuBytes / 200;
            return Math.Max(pages, (uint)Math.Min(share, 4096));
        }
    }
}

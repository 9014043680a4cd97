using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Log;

/// <summary>One segment read into memory, for replay and tools. Blocks that the device could not read are zeros and noted.</summary>
internal sealed class SegmentImage(int segmentBytes) : IDisposable
{
    private readonly AlignedMemory _memory = new(segmentBytes);
    private readonly HashSet<int> _unreadable = [];
    private ReactorTask<Errno> _reading;

    public ulong Segment { get; set; } = ulong.MaxValue;

    /// <summary>Start of the segment in the log region.</summary>
    public long RegionOffset { get; set; }

    /// <summary>When it was last asked for: the oldest image makes room.</summary>
    public long LastUse { get; set; }

    public AlignedMemory Memory => _memory;

    /// <summary>Its read has been begun and nobody has waited for it yet.</summary>
    public bool IsReading { get; private set; }

    public void SetReading(ReactorTask<Errno> reading)
    {
        _reading = reading;
        IsReading = true;
    }

    /// <summary>Hands the read over to whoever waits for it, once.</summary>
    public bool TakeReading(out ReactorTask<Errno> reading)
    {
        reading = _reading;
        bool taken = IsReading;
        IsReading = false;
        return taken;
    }

    public ReadOnlySpan<byte> Span(int offset, int bytes) => _memory.Span(offset, bytes);

    public void ClearUnreadable() => _unreadable.Clear();

    public void SetUnreadable(int offset)
    {
        _ = _unreadable.Add(offset / Units.BlockBytes);
        _memory.Span(offset, Units.BlockBytes).Clear();
    }

    /// <summary>Could any block of the range not be read?</summary>
    public bool IsUnreadable(int offset, int bytes)
    {
        if (_unreadable.Count == 0) { return false; }
        for (int at = offset; at < offset + bytes && at < segmentBytes; at += Units.BlockBytes)
        {
            if (_unreadable.Contains(at / Units.BlockBytes)) { return true; }
        }
        return false;
    }

    /// <summary>Reads the batch at <paramref name="offset"/> if there is one with sound header and records, of this store and
    /// shard, and meant for this very place.</summary>
    public bool TryReadBatch(int offset, Guid store, int shard, out BatchHeader header)
    {
        header = default;
        if (offset > segmentBytes - Units.BlockBytes) { return false; }
        return BatchHeader.TryRead(Span(offset, Units.BlockBytes), out header)
            && header.Store == store && header.Shard == shard && header.Segment == Segment
            && header.OwnOffset == RegionOffset + offset
            && header.TotalBytes <= segmentBytes - offset
            && header.RecordsMatch(Span(offset, header.HeaderBlocks * Units.BlockBytes));
    }

    /// <summary>The records of a batch.</summary>
    public ReadOnlySpan<byte> Records(int offset, in BatchHeader header) => Span(offset + BatchHeader.SizeBytes, header.RecordBytes);

    /// <summary>Does the payload of an entry of the batch at <paramref name="offset"/> match its checksums?</summary>
    public bool PayloadMatches(int offset, in LogRecord record)
    {
        ReadOnlySpan<uint> crcs = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(record.CrcBytes);
        for (int block = 0; block < record.PayloadBlocks; block++)
        {
            int at = offset + ((int)(record.PayloadAt + block) * Units.BlockBytes);
            if (Crc32C.Compute(Span(at, Units.BlockBytes)) != crcs[block]) { return false; }
        }
        return true;
    }

    public void Dispose() => _memory.Dispose();
}

using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Storage.Log;

// Reading entries back: from the cache of recent ones, else from the device with all checks.
internal sealed partial class DiskLog
{
    private readonly byte[] _recentHeader = new byte[LogLimits.MaxBatchHeaderBlocks * Units.BlockBytes];
    private uint _recentHeaderBlock = uint.MaxValue;
    private int _recentHeaderBytes;

    /// <summary>Reads an entry from memory.</summary>
    /// <returns>None; Again = it must come from the device: <see cref="ReadAsync"/>; NotFound = not in the log.</returns>
    public Errno TryReadCached(PgId group, ulong index, bool withPayload, LogEntryBuffer into)
    {
        into.Clear();
        if (!_groups.TryGetValue(group, out LogGroup? state) || !state.Holds(index)) { return Errno.NotFound; }
        ref IndexEntry entry = ref state[index];
        int crcBytes = entry.PayloadBlocks * sizeof(uint);
        PooledBuffer? payload = null;
        int offset = 0;
        bool there = _cache.TryGetHeader(entry.HeaderTicket, entry.HeaderBytes + crcBytes, out ReadOnlySpan<byte> bytes);
        if (there && withPayload && entry.PayloadBlocks > 0)
        {
            // What is known to be damaged is never served from memory: the device's answer is checked.
            there = !entry.IsDamaged && _cache.TryGetPayload(entry.PayloadTicket, out payload, out offset);
        }
        if (!there)
        {
            _statistics.CacheMisses++;
            return Errno.Again;
        }
        _statistics.CacheHits++;
        into.Set(group, index, entry.Term, entry.Kind, bytes[..entry.HeaderBytes], bytes[entry.HeaderBytes..],
            LocationOf(entry.PayloadBlock));
        if (payload is not null)
        {
            payload.Retain();
            into.SetPayload(payload, offset);
        }
        return Errno.None;
    }

    /// <summary>Reads an entry from memory or from the device, checksums verified. <paramref name="into"/> must live until the
    /// task ends.</summary>
    /// <returns>None; NotFound (also when it was cut or cleaned meanwhile); NoBuffers = none for the payload now;
    /// BadMessage = damaged; Io.</returns>
    public async ReactorTask<Errno> ReadAsync(
        PgId group, ulong index, bool withPayload, LogEntryBuffer into, BufferUse use = BufferUse.ReadBack)
    {
        while (true)
        {
            Errno status = TryReadCached(group, index, withPayload, into);
            if (status is not Errno.Again) { return status; }
            IndexEntry entry = _groups[group][index];
            int place = PlaceOfBlock(entry.BatchBlock);
            _segments[place].Readers++;
            status = await ReadFromDeviceAsync(group, index, entry, withPayload, verifyPayload: true, into, use);
            _segments[place].Readers--;
            if (status is not Errno.None) { into.Clear(); }
            if (status is not Errno.NotFound) { return status; }
            // Not what was expected at its place: damage, or the entry was cut off, cleaned or copied meanwhile: look again.
            if (IsStillAt(group, index, in entry)) { return Errno.BadMessage; }
        }
    }

    private async ReactorTask<Errno> ReadFromDeviceAsync(
        PgId group, ulong index, IndexEntry entry, bool withPayload, bool verifyPayload, LogEntryBuffer into,
        BufferUse use)
    {
        if (_recentHeaderBlock != entry.BatchBlock)
        {
            Errno read = await LoadHeaderAsync(entry, use);
            if (read is not Errno.None) { return read; }
        }
        if (!IsStillAt(group, index, in entry) || !TryTakeRecord(group, index, in entry, into)) { return Errno.NotFound; }
        if (!withPayload || entry.PayloadBlocks == 0) { return Errno.None; }
        int bytes = entry.PayloadBlocks * Units.BlockBytes;
        PooledBuffer? payload = _reactor.Buffers.TryRent(bytes, use);
        if (payload is null) { return Errno.NoBuffers; }
        into.SetPayload(payload, 0);
        Errno status = await _device.ReadAsync(LocationOf(entry.PayloadBlock).DeviceOffset, payload, 0, bytes);
        if (status is not Errno.None) { return status; }
        if (!IsStillAt(group, index, in entry)) { return Errno.NotFound; }
        if (!verifyPayload) { return Errno.None; }
        for (int block = 0; block < entry.PayloadBlocks; block++)
        {
            if (Crc32C.Compute(payload.Span(block * Units.BlockBytes, Units.BlockBytes)) != into.Crcs[block]) { return Errno.BadMessage; }
        }
        return Errno.None;
    }

    /// <summary>Brings the header blocks of the entry's batch into memory: the next entry often lies in the same ones.</summary>
    private async ReactorTask<Errno> LoadHeaderAsync(IndexEntry entry, BufferUse use)
    {
        int bytes = entry.HeaderBlocks * Units.BlockBytes;
        PooledBuffer? buffer = _reactor.Buffers.TryRent(bytes, use);
        if (buffer is null) { return Errno.NoBuffers; }
        Errno status = await _device.ReadAsync(LocationOf(entry.BatchBlock).DeviceOffset, buffer, 0, bytes);
        if (status is Errno.None)
        {
            ReadOnlySpan<byte> blocks = buffer.Span(0, bytes);
            bool good = BatchHeader.TryRead(blocks, out BatchHeader header) && header.Store == _volume.Label.Device
                && header.OwnOffset == (long)entry.BatchBlock * Units.BlockBytes && header.HeaderBlocks == entry.HeaderBlocks
                && header.RecordsMatch(blocks);
            if (good)
            {
                blocks.CopyTo(_recentHeader);
                _recentHeaderBlock = entry.BatchBlock;
                _recentHeaderBytes = BatchHeader.SizeBytes + header.RecordBytes;
            }
            status = good ? Errno.None : Errno.NotFound; // the caller finds out whether it was overwritten or is damaged
        }
        buffer.Release();
        return status;
    }

    /// <summary>Takes the entry out of the header blocks in memory.</summary>
    private bool TryTakeRecord(PgId group, ulong index, in IndexEntry entry, LogEntryBuffer into)
    {
        int at = entry.RecordUnits * 8;
        if (at >= _recentHeaderBytes) { return false; }
        ReadOnlySpan<byte> records = _recentHeader.AsSpan(at, _recentHeaderBytes - at);
        bool good = LogRecord.TryRead(records, entry.HeaderBlocks, int.MaxValue, out LogRecord record, out _)
            && record.Kind is LogRecordKind.Entry && record.Group == group && record.Index == index && record.Term == entry.Term
            && record.PayloadBlocks == entry.PayloadBlocks;
        if (!good) { return false; }
        into.Set(group, index, entry.Term, entry.Kind, record.EntryHeader, record.CrcBytes, LocationOf(entry.PayloadBlock));
        return true;
    }

    /// <summary>Is the entry still there and where it was? Asked after every wait.</summary>
    private bool IsStillAt(PgId group, ulong index, in IndexEntry entry) =>
        _groups.TryGetValue(group, out LogGroup? state) && state.Holds(index) && state[index].BatchBlock == entry.BatchBlock
        && state[index].RecordUnits == entry.RecordUnits && state[index].Term == entry.Term;
}

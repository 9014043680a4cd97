using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Log;

/// <summary>Replays a log. Follows the chain from the oldest segment to its end. The end is where the next batch of the chain is
/// not (completely) there. That is the torn tail of a power cut, unless one of these proves that the batch had been durable:
/// a later batch says so, the superblock says so, or the device reports a read error. Then it is damage: it is reported, and
/// the replay goes on with the next batch that belongs to the log.
/// <para>Nothing is written before the end is found; then what was read is made durable (after the mere death of a process it may
/// still be in a volatile cache), and the superblock starts a new generation that begins right there. Batches of an older
/// generation from there on are a stale tail and are never taken for the log again.</para></summary>
internal sealed class LogRecovery : IDisposable
{
    private readonly DiskLog _log;
    private readonly ShardVolume _volume;
    private readonly ShardSuperblock _superblock;
    private readonly IReplaySink _sink;
    private readonly SegmentLoader _loader;
    private readonly ReplayGroups _groups;
    private readonly int _segmentBytes;
    private readonly List<(ulong First, ulong Last, long DeviceOffset)> _gaps = [];
    private readonly List<(ulong First, ulong Last)> _acknowledged = [];
    private readonly List<(ulong First, ulong Last)> _news = [];
    private ulong _segment;
    private int _offset;
    private ulong _expected;
    private uint _chain;
    private ulong _generation;
    private bool _lost;

    /// <summary>A later batch that belongs to the log.</summary>
    private readonly record struct Later(bool Found, ulong Segment, int Offset, BatchHeader Header);

    public LogRecovery(DiskLog log, IReplaySink sink)
    {
        _log = log;
        _volume = log.Volume;
        _superblock = _volume.Superblock;
        _sink = sink;
        _loader = new SegmentLoader(_volume.Part, in _superblock);
        _groups = new ReplayGroups(log, sink);
        _segmentBytes = _superblock.SegmentBytes;
        _segment = _superblock.StartSegment;
        _expected = _superblock.StartBatch;
        _chain = _superblock.StartChain;
    }

    private ulong EndSegment => _superblock.StartSegment + (ulong)_superblock.SegmentCount;

    /// <param name="readOnly">Write nothing: for tools.</param>
    public async ReactorTask<Errno> RunAsync(bool readOnly)
    {
        _log.NoteSegment(_segment, _expected, _chain);
        while (await StepAsync()) { }
        await _loader.DrainAsync();
        JudgeGaps();
        _groups.Finish(_lost || (_superblock.Flags & SuperblockFlags.LogDamaged) != 0);
        if (!_lost && (_superblock.Flags & SuperblockFlags.LogDamaged) != 0)
        {
            // Found by an earlier opening, and nobody has confirmed it since.
            _sink.OnCorruption(new LogCorruption(LogCorruptionKind.LostBatches, null, 0, 0, 0, _superblock.LogOffset));
        }
        if (readOnly)
        {
            _log.OnRecovered(_superblock.StartSegment, _segment, _offset, _expected, _chain, _superblock.Generation);
            return Errno.None;
        }
        Errno status = await _volume.Part.FlushAsync();
        if (status is not Errno.None) { return status; }
        (ulong first, bool lost) = (_expected, _lost);
        status = await _volume.UpdateAsync(old => old with
        {
            Generation = old.Generation + 1,
            GenerationFirstBatch = first,
            DurableBatch = first - 1,
            Flags = (old.Flags & ~SuperblockFlags.CleanEnd) | (lost ? SuperblockFlags.LogDamaged : SuperblockFlags.None),
        });
        if (status is Errno.None)
        {
            _log.OnRecovered(_superblock.StartSegment, _segment, _offset, _expected, _chain, _volume.Superblock.Generation);
            _log.NoteGaps(_news);
        }
        return status;
    }

    public void Dispose() => _loader.Dispose();

    /// <summary>Takes the next batch, or the way around damage.</summary>
    /// <returns>False at the end of the log.</returns>
    private async ReactorTask<bool> StepAsync()
    {
        SegmentImage image = await _loader.LoadAsync(_segment);
        if (_segment + 1 < EndSegment) { _loader.ReadAhead(_segment + 1); }
        if (TryReadNext(image, _offset, out BatchHeader header))
        {
            bool whole = PayloadsMatch(image, in header);
            if (!whole && Sabotage.Is(SabotageKind.RecoveryStopsAtFirstBadRecord)) { return false; }
            if (!whole && !await IsProvenAsync(image, header.TotalBytes))
            {
                Reached.Mark("log: torn tail cut off");
                return false;
            }
            Deliver(image, in header, whole);
            return true;
        }
        if (_segment + 1 < EndSegment)
        {
            SegmentImage next = await _loader.LoadAsync(_segment + 1);
            if (TryReadNext(next, 0, out _))
            {
                _segment++;
                _offset = 0;
                _log.NoteSegment(_segment, _expected, _chain);
                return true;
            }
        }
        return await TrySkipDamageAsync();
    }

    /// <summary>The batch that the chain asks for.</summary>
    private bool TryReadNext(SegmentImage image, int offset, out BatchHeader header) =>
        image.TryReadBatch(offset, _volume.Label.Device, _volume.Shard, out header)
        && header.Sequence == _expected && header.Chain == _chain && IsOfGeneration(in header);

    private bool IsOfGeneration(in BatchHeader header) =>
        header.Generation >= _generation && header.Generation <= _superblock.Generation
        && (header.Sequence < _superblock.GenerationFirstBatch || header.Generation == _superblock.Generation);

    /// <summary>Was the batch at the present place durable once? (Its payload does not match.)</summary>
    private async ReactorTask<bool> IsProvenAsync(SegmentImage image, int bytes)
    {
        if (Sabotage.Is(SabotageKind.RecoveryStopsAtFirstBadRecord)) { return false; }
        if (_superblock.DurableBatch >= _expected || image.IsUnreadable(_offset, bytes)) { return true; }
        Later later = await FindLaterAsync();
        return later.Found;
    }

    private async ReactorTask<bool> TrySkipDamageAsync()
    {
        if (Sabotage.Is(SabotageKind.RecoveryStopsAtFirstBadRecord)) { return false; }
        SegmentImage image = await _loader.LoadAsync(_segment);
        bool unreadable = image.IsUnreadable(_offset, Units.BlockBytes);
        long at = _superblock.LogOffset + image.RegionOffset + _offset;
        Later later = await FindLaterAsync();
        if (later.Found)
        {
            NoteGap(later.Header.Sequence - 1, at);
            for (ulong segment = _segment + 1; segment <= later.Segment; segment++) { _log.NoteSegment(segment, _expected, _chain); }
            (_segment, _offset, _expected, _chain) = (later.Segment, later.Offset, later.Header.Sequence, later.Header.Chain);
            if (_offset == 0) { _log.NoteSegment(_segment, _expected, _chain); }
            return true;
        }
        if (_superblock.DurableBatch >= _expected) { ReportLost(_expected, _superblock.DurableBatch, at); }
        else if (unreadable) { ReportLost(_expected, _expected, at); }
        return false;
    }

    /// <summary>Batches are lost, and the log goes on behind them: the next replay will meet the same gap.</summary>
    private void NoteGap(ulong last, long deviceOffset) => _gaps.Add((_expected, last, deviceOffset));

    /// <summary>Gaps that a record behind them acknowledges are no news. The record may itself lie in a later gap; then that one is
    /// news, and so is this.</summary>
    private void JudgeGaps()
    {
        foreach ((ulong first, ulong last, long deviceOffset) in _gaps)
        {
            if (IsAcknowledged(first, last))
            {
                Reached.Mark("log: a known gap met again");
                continue;
            }
            _news.Add((first, last));
            ReportLost(first, last, deviceOffset);
        }
    }

    private bool IsAcknowledged(ulong first, ulong last)
    {
        foreach ((ulong from, ulong to) in _acknowledged)
        {
            if (from <= first && last <= to) { return true; }
        }
        return false;
    }

    private void ReportLost(ulong first, ulong last, long deviceOffset)
    {
        Reached.Mark("log: lost batches reported");
        _lost = true;
        _sink.OnCorruption(new LogCorruption(LogCorruptionKind.LostBatches, null, first, last, 0, deviceOffset));
    }

    /// <summary>Looks for the first later batch that is on the same chain as one that says that the expected batch was durable.
    /// What is not on such a chain is a stale tail: nothing in one can know of a batch of this generation.</summary>
    private async ReactorTask<Later> FindLaterAsync()
    {
        // Behind a durable batch the writes that were under way with it may not know of it; the next one does.
        long reach = (2L * _log.Options.MaxWritesInFlight * _log.Options.MaxWriteBytes) + (2L * _segmentBytes);
        ulong end = Math.Min(EndSegment, _segment + (ulong)(reach / _segmentBytes) + 1);
        for (ulong segment = _segment; segment < end; segment++)
        {
            SegmentImage image = await _loader.LoadAsync(segment);
            for (int offset = segment == _segment ? _offset + Units.BlockBytes : 0; offset < _segmentBytes; offset += Units.BlockBytes)
            {
                bool candidate = image.TryReadBatch(offset, _volume.Label.Device, _volume.Shard, out BatchHeader header)
                    && header.Sequence > _expected && IsOfGeneration(in header);
                if (!candidate) { continue; }
                if (await ChainProvesAsync(segment, offset, header)) { return new Later(true, segment, offset, header); }
                image = await _loader.LoadAsync(segment);
            }
        }
        return default;
    }

    private async ReactorTask<bool> ChainProvesAsync(ulong segment, int offset, BatchHeader header)
    {
        while (header.DurableThrough < _expected)
        {
            SegmentImage image = await _loader.LoadAsync(segment);
            offset += header.TotalBytes;
            if (Follows(image, offset, in header, out BatchHeader next))
            {
                header = next;
                continue;
            }
            if (++segment >= EndSegment) { return false; }
            offset = 0;
            if (!Follows(await _loader.LoadAsync(segment), offset, in header, out next)) { return false; }
            header = next;
        }
        return true;
    }

    private bool Follows(SegmentImage image, int offset, in BatchHeader header, out BatchHeader next) =>
        image.TryReadBatch(offset, _volume.Label.Device, _volume.Shard, out next)
        && next.Sequence == header.Sequence + 1 && next.Chain == header.Checksum && next.Generation >= header.Generation;

    private bool PayloadsMatch(SegmentImage image, in BatchHeader header)
    {
        ReadOnlySpan<byte> records = image.Records(_offset, in header);
        for (int i = 0; i < header.RecordCount; i++)
        {
            if (!TryReadRecord(records, in header, out LogRecord record, out int bytes)) { return true; } // Deliver reports it
            if (MustMatch(in record) && !image.PayloadMatches(_offset, in record)) { return false; }
            records = records[bytes..];
        }
        return true;
    }

    private static bool MustMatch(in LogRecord record) =>
        record.Kind is LogRecordKind.Entry && (record.Flags & LogRecordFlags.BadPayload) == 0;

    private static bool TryReadRecord(ReadOnlySpan<byte> records, in BatchHeader header, out LogRecord record, out int bytes) =>
        LogRecord.TryRead(records, header.HeaderBlocks, header.HeaderBlocks + header.PayloadBlocks, out record, out bytes);

    /// <summary>Hands the batch's records on and moves behind it.</summary>
    /// <param name="whole">The payload of every entry has been found to match its checksums.</param>
    private void Deliver(SegmentImage image, in BatchHeader header, bool whole)
    {
        ReadOnlySpan<byte> records = image.Records(_offset, in header);
        long at = _superblock.LogOffset + image.RegionOffset + _offset;
        for (int i = 0; i < header.RecordCount; i++)
        {
            if (!TryReadRecord(records, in header, out LogRecord record, out int bytes)
                || !DeliverRecord(image, in header, in record, header.RecordBytes - records.Length, whole))
            {
                // The checksums are right, so a program wrote this that we do not understand: do not guess.
                NoteGap(_expected, at);
                break;
            }
            records = records[bytes..];
        }
        _expected++;
        _chain = header.Checksum;
        _generation = header.Generation;
        _offset += header.TotalBytes;
    }

    private bool DeliverRecord(SegmentImage image, in BatchHeader header, in LogRecord record, int recordAt, bool whole)
    {
        switch (record.Kind)
        {
            case LogRecordKind.Kv:
                return _log.KvClient.OnReplayKv(record.Body, _segment);
            case LogRecordKind.Entry:
                bool bad = (record.Flags & LogRecordFlags.BadPayload) != 0 || (!whole && !image.PayloadMatches(_offset, in record));
                uint batchBlock = (uint)(header.OwnOffset / Units.BlockBytes);
                IndexEntry entry = new()
                {
                    Term = record.Term,
                    BatchBlock = batchBlock,
                    PayloadBlock = record.PayloadBlocks > 0 ? batchBlock + (uint)record.PayloadAt : 0,
                    RecordUnits = (ushort)((BatchHeader.SizeBytes + recordAt) / 8),
                    HeaderBytes = (ushort)record.EntryHeader.Length,
                    PayloadBlocks = (ushort)record.PayloadBlocks,
                    Kind = record.EntryKind,
                    HeaderBlocksAndDamage = (byte)(header.HeaderBlocks | (bad ? IndexEntry.DamageBit : 0)),
                };
                _log.NoteRecordSize(header.HeaderBlocks + record.PayloadBlocks);
                _groups.OnEntry(in record, in entry, _segment, _log.LocationOfBlock(entry.PayloadBlock));
                if (bad)
                {
                    long at = _log.LocationOfBlock(entry.PayloadBlock).DeviceOffset;
                    _sink.OnCorruption(new LogCorruption(
                        LogCorruptionKind.BadPayload, record.Group, _expected, _expected, record.Index, at));
                }
                return true;
            case LogRecordKind.LostBatches:
                _acknowledged.Add((record.FirstBatch, record.LastBatch));
                return true;
            default:
                _groups.OnGroupRecord(in record, _segment);
                return true;
        }
    }
}

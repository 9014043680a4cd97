using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Log;

/// <summary>The log of one shard, shared by all its groups and by its key-value store. One reactor's thread only.
/// <para>A ring of segments; each holds whole batches, one behind the other. All records that arrive in one loop iteration are
/// written together (group commit), straight from the buffers that brought the payloads; several writes are under way at
/// once and are reported in order. A batch carries the checksum of the header before it, so that the log is a chain, and
/// the newest batch that was known durable when it was written, so that damage is told apart from a torn tail.</para>
/// <para>Files: this one appends; DiskLog.Write.cs hands writes to the device and reports them; DiskLog.Read.cs reads entries;
/// DiskLog.Damage.cs knows what is lost; LogCleaner frees the oldest segment; LogRecovery replays.</para></summary>
[SuppressMessage("Design", "CA1001", Justification = "Close and Abandon free everything; a log lives as long as its process.")]
internal sealed partial class DiskLog : IIterationHook
{
    private readonly Reactor _reactor;
    private readonly ShardVolume _volume;
    private readonly IBlockDevice _device;
    private readonly DiskLogOptions _options;
    private readonly IKvLogClient _kv;
    private readonly long _logOffset;
    private readonly int _segmentBytes;
    private readonly int _segmentCount;
    private readonly SegmentState[] _segments;
    private readonly Dictionary<PgId, LogGroup> _groups = [];
    private readonly List<PgId> _groupIds = [];
    private readonly EntryCache _cache;
    private readonly Action _reclaim;
    private readonly List<IRunnable> _roomWaiters = [];
    private LogStatistics _statistics;
    private ulong _startSegment;
    private ulong _headSegment;
    private int _headOffset;
    private int _largestRecordBlocks;
    private bool _headIsReserve;
    private int _entryReserve = LogLimits.EntryReserveSegments;
    private ulong _nextSequence = 1;

    internal DiskLog(Reactor reactor, ShardVolume volume, DiskLogOptions options, IKvLogClient kv)
    {
        Invariant.Require(options.MaxWritesInFlight >= 2);
        Invariant.Require(options.WriteSlots > options.MaxWritesInFlight);
        Invariant.Require(options.HeaderCacheBytes >= 4 * LogLimits.MaxHeaderBytes);
        _reactor = reactor;
        _volume = volume;
        _device = volume.Part;
        _options = options;
        _kv = kv;
        _logOffset = volume.LogOffset;
        _segmentBytes = volume.SegmentBytes;
        _segmentCount = volume.Superblock.SegmentCount;
        _segments = new SegmentState[_segmentCount];
        for (int i = 0; i < _segmentCount; i++) { _segments[i] = new SegmentState(); }
        _cache = new EntryCache(options.HeaderCacheBytes, options.CacheEntries, options.CacheBytes);
        _reclaim = _cache.DropIdle;
        reactor.Buffers.AddReclaimer(_reclaim);
        for (int i = 0; i < options.WriteSlots; i++) { _free.Push(new LogWrite(this)); }
        _sealTimer = new CallbackTimer(OnSealTimer);
        _cleaner = new LogCleaner(this);
        _pace = new AppendPace(this, _cleaner);
    }

    /// <summary>Replays what the shard's part holds, cuts the torn tail and makes the log ready for appends. Nothing is written
    /// before the replay has ended, so that a crash in it changes nothing.</summary>
    /// <returns>None, or Io when the log cannot be used at all (damage is reported to the sink, and the log opens).</returns>
    public static async ReactorTask<LogOpenResult> OpenAsync(
        Reactor reactor, ShardVolume volume, DiskLogOptions options, IReplaySink sink, IKvLogClient kv)
    {
        DiskLog log = new(reactor, volume, options, kv);
        using LogRecovery recovery = new(log, sink);
        Errno status = await recovery.RunAsync(readOnly: false);
        if (status is not Errno.None)
        {
            log.FreeMemory();
            return new LogOpenResult(status, null, $"the log of shard {volume.Shard} cannot be opened: {status}");
        }
        reactor.AddIterationHook(log, HookStage.Storage);
        kv.OnLogOpened(log);
        return new LogOpenResult(Errno.None, log, "");
    }

    /// <summary>For tools: replays as <see cref="OpenAsync"/> does but writes nothing, not even the superblock. The log answers
    /// questions and refuses appends; end it with <see cref="Abandon"/>.</summary>
    public static async ReactorTask<LogOpenResult> ReplayReadOnlyAsync(
        Reactor reactor, ShardVolume volume, IReplaySink sink, IKvLogClient kv)
    {
        DiskLog log = new(reactor, volume, new DiskLogOptions(), kv);
        using LogRecovery recovery = new(log, sink);
        Errno status = await recovery.RunAsync(readOnly: true);
        log._failure = Errno.ReadOnly;
        return new LogOpenResult(status, log, "");
    }

    /// <summary>Appends one entry to the batch that is written at the end of this loop iteration. The payload buffer is retained
    /// until it is written (and a while longer, as a cache).</summary>
    /// <param name="payload">Whole, block-aligned blocks from <paramref name="payloadOffset"/> on; null when there are none.</param>
    /// <param name="listener">Told when the entry is durable; may be null.</param>
    /// <param name="sequence">What <see cref="ILogListener.OnLogDurable"/> will say.</param>
    /// <param name="payloadAt">Where the payload will lie, unless the cleaner moves it: ask <see cref="TryGetPayloadAt"/> when
    /// it is needed later. Readable there once the entry is durable.</param>
    /// <returns>None; NoSpace = the log is full until segments are cleaned; Again = too many writes are under way (both:
    /// <see cref="NotifyWhenRoom"/>); Stale = another incarnation, or no such group; Invalid = gap or limits; Io = the log
    /// has failed.</returns>
    public Errno TryAppendEntry(in EntryRecord record, PooledBuffer? payload, int payloadOffset, int payloadBytes,
        ILogListener? listener, out ulong sequence, out LogLocation payloadAt)
    {
        sequence = 0;
        payloadAt = default;
        if (!_groups.TryGetValue(record.Group, out LogGroup? group) || group.Incarnation != record.Incarnation)
        {
            return Errno.Stale;
        }
        if (record.Index <= group.BaseIndex || record.Index > group.LastIndex + 1) { return Errno.Invalid; }
        if (!IsSound(in record, payload, payloadOffset, payloadBytes)) { return Errno.Invalid; }
        Errno status = Append(in record, LogRecordFlags.None, payload, payloadOffset, payloadBytes, LogRoom.Entry, out IndexEntry entry);
        if (status is not Errno.None) { return status; }
        group.CutFrom(record.Index);
        group.Push(in entry);
        AddSpan(group, record.Index, _headSegment);
        if (listener is not null) { _open!.AddListener(listener); }
        sequence = _open!.LastSequence;
        payloadAt = LocationOf(entry.PayloadBlock);
        _statistics.Entries++;
        _statistics.PayloadBytes += payloadBytes;
        return Errno.None;
    }

    /// <summary>Appends an atomic key-value record; for the key-value store.</summary>
    /// <param name="segment">Where the record lies: it is live there until it is superseded or copied forward.</param>
    public Errno TryAppendKv(ReadOnlySpan<byte> operations, bool cleaning, ILogListener? listener, out ulong sequence,
        out ulong segment)
    {
        sequence = 0;
        segment = 0;
        if (operations.Length is 0 or > LogLimits.MaxKvRecordBytes || operations.Length % 8 != 0) { return Errno.Invalid; }
        int bytes = LogRecord.KvSize(operations.Length);
        Errno status = Begin(bytes, 0, cleaning ? LogRoom.Cleaning : LogRoom.Metadata);
        if (status is not Errno.None) { return status; }
        LogRecord.WriteKv(_open!.AddRecord(bytes), operations);
        if (listener is not null) { _open.AddListener(listener); }
        sequence = _open.LastSequence;
        segment = _headSegment;
        _statistics.KvRecords++;
        return Errno.None;
    }

    /// <summary>Creates the group, or drops all its entries: its log begins anew behind the base. The incarnation may not go
    /// back (Stale).</summary>
    public Errno TryAppendReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm, ILogListener? listener,
        out ulong sequence)
    {
        sequence = 0;
        if (baseIndex >= LogLimits.EndOfIndexes) { return Errno.Invalid; }
        bool exists = _groups.TryGetValue(group, out LogGroup? state);
        if (exists && incarnation < state!.Incarnation) { return Errno.Stale; }
        Errno status = AppendGroup(LogRecordKind.GroupReset, group, incarnation, baseIndex, baseTerm, LogRoom.Metadata, listener);
        if (status is not Errno.None) { return status; }
        if (exists) { state!.Reset(incarnation, baseIndex, baseTerm); }
        else { state = AddGroup(group, incarnation, baseIndex, baseTerm); }
        state.IsDamaged = false;
        state.BaseSegment = _headSegment;
        sequence = _open!.LastSequence;
        return Errno.None;
    }

    /// <summary>Removes the group and all its entries. NotFound = there is none.</summary>
    public Errno TryAppendRemove(PgId group, ILogListener? listener, out ulong sequence)
    {
        sequence = 0;
        if (!_groups.TryGetValue(group, out LogGroup? state)) { return Errno.NotFound; }
        Errno status = AppendGroup(LogRecordKind.GroupRemove, group, state.Incarnation, 0, 0, LogRoom.Metadata, listener);
        if (status is not Errno.None) { return status; }
        RemoveGroup(state);
        sequence = _open!.LastSequence;
        return Errno.None;
    }

    /// <summary>Runs <paramref name="waiter"/> once when an append that was refused may succeed.</summary>
    public void NotifyWhenRoom(IRunnable waiter) => _roomWaiters.Add(waiter);

    /// <summary>A small entry would be taken now.</summary>
    public bool HasRoomForEntries => _failure is Errno.None && _free.Count > 0 && FreeSegments > _entryReserve;

    /// <summary>Ids of all groups, in order of id. Do not keep it across a reset or removal.</summary>
    public IReadOnlyList<PgId> Groups => _groupIds;

    public bool TryGetGroup(PgId group, out LogGroupInfo info)
    {
        bool found = _groups.TryGetValue(group, out LogGroup? state);
        info = found ? state!.Info : default;
        return found;
    }

    /// <summary>Term of an entry that the log holds, or of the group's base.</summary>
    public bool TryGetTerm(PgId group, ulong index, out ulong term)
    {
        term = 0;
        return _groups.TryGetValue(group, out LogGroup? state) && state.TryGetTerm(index, out term);
    }

    /// <summary>Where an entry's payload lies at present. False = not in the log, or no payload.</summary>
    public bool TryGetPayloadAt(PgId group, ulong index, out LogLocation at)
    {
        at = default;
        if (!_groups.TryGetValue(group, out LogGroup? state) || !state.Holds(index)) { return false; }
        ref IndexEntry entry = ref state[index];
        at = LocationOf(entry.PayloadBlock);
        return entry.PayloadBlocks > 0;
    }

    public LogStatistics Statistics => _statistics;
    public long TotalBytes => (long)_segmentCount * _segmentBytes;
    public long UsedBytes => ((long)(_headSegment - _startSegment) * _segmentBytes) + _headOffset;

    /// <summary>Segments without anything in them.</summary>
    public int FreeSegments => _segmentCount - 1 - (int)(_headSegment - _startSegment);

    /// <summary>Makes sure that a record fits into the open batch, opening what is needed.</summary>
    private Errno Begin(int recordBytes, int payloadBytes, LogRoom room)
    {
        if (_failure is not Errno.None) { return Errno.Io; }
        int max = _options.MaxWriteBytes;
        // A head that was opened out of the metadata's reserve is part of it: entries would fill what the cleaner needs.
        if (room is LogRoom.Entry && _headIsReserve && FreeSegments < LogLimits.MetadataReserveSegments) { return RefuseFull(); }
        if (_open is not null && _headOffset + payloadBytes <= _segmentBytes
            && _open.HasRoomInBatch(recordBytes, payloadBytes, max))
        {
            return Errno.None;
        }
        int headerBlocks = (int)Units.BlocksRoundedUp(BatchHeader.SizeBytes + recordBytes);
        int bytes = (headerBlocks * Units.BlockBytes) + payloadBytes;
        if (bytes > _segmentBytes) { return Errno.Invalid; }
        NoteRecordSize(bytes / Units.BlockBytes);
        bool crosses = _headOffset + bytes > _segmentBytes;
        if (crosses && FreeSegments <= Reserve(room)) { return RefuseFull(); }
        if (_open is null || crosses || !_open.HasRoomForBatch(headerBlocks, payloadBytes, max))
        {
            if (_free.Count == 0) { return Errno.Again; }
            CloseOpenWrite();
            if (crosses)
            {
                EnterNextSegment();
                _headIsReserve = room is not LogRoom.Entry;
            }
            _open = _free.Pop();
            _open.Begin(_logOffset + RegionOffset(_headSegment) + _headOffset, _headSegment);
        }
        if (_headOffset == 0) { _segments[PlaceOf(_headSegment)].FirstBatch = _nextSequence; }
        _open.AddBatch(_nextSequence++, RegionOffset(_headSegment) + _headOffset, headerBlocks);
        _headOffset += headerBlocks * Units.BlockBytes;
        if (room is LogRoom.Cleaning) { _statistics.CleaningBytes += headerBlocks * Units.BlockBytes; }
        return Errno.None;
    }

    private Errno RefuseFull()
    {
        Reached.Mark("log: full");
        _statistics.Refused++;
        _cleaner.Wake();
        return Errno.NoSpace;
    }

    private int Reserve(LogRoom room) => room switch
    {
        LogRoom.Entry => _entryReserve,
        LogRoom.Metadata => _cleaner.IsCleaning ? LogLimits.CleaningMetadataReserveSegments : LogLimits.MetadataReserveSegments,
        _ => 0,
    };

    private void EnterNextSegment()
    {
        _headSegment++;
        _headOffset = 0;
        ref SegmentState segment = ref _segments[PlaceOf(_headSegment)];
        segment.FirstBatch = 0;
        segment.FirstChain = 0;
        segment.Spans.Clear();
        if (FreeSegments < CleanBelow) { _cleaner.Wake(); }
    }

    /// <summary>A log full of entries that may not go must still turn round, for the sake of the metadata. Every segment can lose
    /// nearly one record's size at its end when it is packed anew, so that much is kept free from the start.</summary>
    internal void NoteRecordSize(int blocks)
    {
        if (blocks <= _largestRecordBlocks) { return; }
        _largestRecordBlocks = blocks;
        long lost = (long)(_segmentCount - LogLimits.EntryReserveSegments) * blocks * Units.BlockBytes;
        int reserve = LogLimits.EntryReserveSegments + (int)((lost + _segmentBytes - 1) / _segmentBytes);
        // Records nearly as large as a segment would reserve the whole log, and then nothing is ever taken again.
        _entryReserve = Math.Min(reserve, _segmentCount - 2);
    }

    private unsafe Errno Append(in EntryRecord record, LogRecordFlags flags, PooledBuffer? payload, int payloadOffset,
        int payloadBytes, LogRoom room, out IndexEntry entry)
    {
        entry = default;
        int recordBytes = LogRecord.EntrySize(record.Header.Length, record.Crcs.Length);
        if (!_cache.HasRoom(record.Header.Length + (record.Crcs.Length * sizeof(uint)), payloadBytes > 0)) { return Errno.Again; }
        Errno status = Begin(recordBytes, payloadBytes, room);
        if (status is not Errno.None) { return status; }
        ref LogWrite.Batch batch = ref _open!.Last;
        long batchBlock = batch.OwnOffset / Units.BlockBytes;
        int payloadAt = batch.HeaderBlocks + batch.PayloadBlocks;
        entry = new IndexEntry
        {
            Term = record.Term,
            BatchBlock = (uint)batchBlock,
            PayloadBlock = payloadBytes > 0 ? (uint)(batchBlock + payloadAt) : 0,
            RecordUnits = (ushort)((BatchHeader.SizeBytes + batch.RecordBytes) / 8),
            HeaderBytes = (ushort)record.Header.Length,
            PayloadBlocks = (ushort)record.Crcs.Length,
            Kind = record.Kind,
            HeaderBlocksAndDamage = (byte)batch.HeaderBlocks,
            HeaderTicket = _cache.AddHeader(record.Header, System.Runtime.InteropServices.MemoryMarshal.AsBytes(record.Crcs)),
        };
        LogRecord.WriteEntry(_open.AddRecord(recordBytes), in record, flags, payloadAt);
        if (payloadBytes > 0)
        {
            _open.AddPayload(payload!.Pointer + payloadOffset, payloadBytes);
            _headOffset += payloadBytes;
            entry.PayloadTicket = _cache.AddPayload(payload, payloadOffset);
        }
        if ((flags & LogRecordFlags.BadPayload) != 0) { entry.HeaderBlocksAndDamage |= IndexEntry.DamageBit; }
        return Errno.None;
    }

    private static bool IsSound(in EntryRecord record, PooledBuffer? payload, int offset, int bytes)
    {
        if (record.Header.Length > LogLimits.MaxHeaderBytes || record.Index >= LogLimits.EndOfIndexes) { return false; }
        if (bytes < 0 || bytes % Units.BlockBytes != 0 || bytes > LogLimits.MaxPayloadBytes
            || record.Crcs.Length != bytes / Units.BlockBytes)
        {
            return false;
        }
        return bytes == 0
            || (payload is not null && offset >= 0 && offset % Units.BlockBytes == 0 && bytes <= payload.Capacity - offset);
    }

    private Errno AppendGroup(LogRecordKind kind, PgId group, ulong incarnation, ulong index, ulong term, LogRoom room,
        ILogListener? listener)
    {
        Errno status = Begin(LogRecord.GroupBytes, 0, room);
        if (status is not Errno.None) { return status; }
        LogRecord.WriteGroup(_open!.AddRecord(LogRecord.GroupBytes), kind, group, incarnation, index, term);
        if (listener is not null) { _open.AddListener(listener); }
        return Errno.None;
    }

    internal LogGroup AddGroup(PgId id, ulong incarnation, ulong baseIndex, ulong baseTerm)
    {
        LogGroup group = new(id, incarnation, baseIndex, baseTerm);
        _groups.Add(id, group);
        _groupIds.Insert(~_groupIds.BinarySearch(id), id);
        return group;
    }

    internal void RemoveGroup(LogGroup group)
    {
        group.IsRemoved = true;
        bool removed = _groups.Remove(group.Id) && _groupIds.Remove(group.Id);
        Invariant.Require(removed);
    }

    internal LogGroup? FindGroup(PgId id) => _groups.GetValueOrDefault(id);

    /// <summary>Notes that the segment holds the entry, for the cleaner.</summary>
    internal void AddSpan(LogGroup group, ulong index, ulong segment)
    {
        List<SegmentState.Span> spans = _segments[PlaceOf(segment)].Spans;
        if (group.SpanSegment != segment)
        {
            group.SpanSegment = segment;
            group.SpanItem = spans.Count;
            spans.Add(new SegmentState.Span { Group = group, First = index, Last = index });
            return;
        }
        SegmentState.Span span = spans[group.SpanItem];
        span.First = Math.Min(span.First, index);
        span.Last = Math.Max(span.Last, index);
        spans[group.SpanItem] = span;
    }

    private int PlaceOf(ulong segment) => (int)(segment % (ulong)_segmentCount);

    /// <summary>Start of a segment in the log region, in bytes.</summary>
    private long RegionOffset(ulong segment) => (long)PlaceOf(segment) * _segmentBytes;

    internal LogLocation LocationOfBlock(uint block) => LocationOf(block);

    private LogLocation LocationOf(uint block) => new(_logOffset + ((long)block * Units.BlockBytes));

    private int PlaceOfBlock(uint block) => (int)((long)block * Units.BlockBytes / _segmentBytes);

    /// <summary>Does the entry's record or payload lie in the segment? (Both lie in the same one.)</summary>
    private bool IsIn(in IndexEntry entry, ulong segment) => PlaceOfBlock(entry.BatchBlock) == PlaceOf(segment);
}

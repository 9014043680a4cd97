using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Log;

// What the cleaner needs of the log.
internal sealed partial class DiskLog
{
    private readonly List<(LogGroup Group, int Life, ulong Index, IndexEntry Copy)> _undurableCopies = [];

    private readonly LogCleaner _cleaner;
    private readonly AppendPace _pace;

    /// <summary>Starts the cleaner. <paramref name="mover"/> is null where nothing refers to payload blocks (monitors).</summary>
    public void StartCleaner(ILogOwner owner, IBlockMover? mover)
    {
        _cleaner.Start(owner, mover);
        _cleaner.Wake();
    }

    internal Reactor Reactor => _reactor;
    internal ShardVolume Volume => _volume;
    internal DiskLogOptions Options => _options;
    internal IKvLogClient KvClient => _kv;
    internal int SegmentCount => _segmentCount;
    internal int SegmentBytes => _segmentBytes;
    internal ulong OldestSegment => _startSegment;

    /// <summary>The head itself can never be freed.</summary>
    internal bool CanClean => _startSegment < _headSegment;

    internal int CleanBelow => _options.CleanBelowSegments > 0
        ? _options.CleanBelowSegments
        : Math.Max(_entryReserve + 2, _segmentCount / 2);

    /// <summary>Bytes that entries may take before they are refused, were they packed perfectly.</summary>
    internal long EntryRoom => ((long)Math.Max(0, FreeSegments - _entryReserve) * _segmentBytes) + _segmentBytes - _headOffset;

    /// <summary>With less room than this new entries come at the cleaner's pace.</summary>
    internal long PacedRoom => (long)(CleanBelow - _entryReserve) / 2 * _segmentBytes;

    /// <summary>The cleaner makes room, and what is left of it has to do until it has got further: clients' entries wait. Those of other
    /// leaders are taken.</summary>
    public bool HoldsBackNewEntries => _pace.HoldsBack;

    internal AppendPace Pace => _pace;

    /// <summary>0 when the cleaner begins, 100 when half of what it has to keep free is gone and new entries come at its pace.</summary>
    internal int CleaningPressure
    {
        get
        {
            int half = Math.Max(1, (CleanBelow - _entryReserve) / 2);
            return 100 - (Math.Clamp(FreeSegments - _entryReserve - half, 0, half) * 100 / half);
        }
    }

    /// <summary>Would this many bytes of copies fit, with a segment to spare, even if they are packed badly?</summary>
    internal bool FitsCopies(long bytes)
    {
        long usable = _segmentBytes - ((long)_largestRecordBlocks * Units.BlockBytes);
        return bytes <= Math.Max(0, _segmentBytes - _headOffset - ((long)_largestRecordBlocks * Units.BlockBytes))
            + (Math.Max(0, FreeSegments - 1) * Math.Max(usable, Units.BlockBytes));
    }

    internal int ReadersOf(ulong segment) => _segments[PlaceOf(segment)].Readers;

    internal void CopySpansOf(ulong segment, List<SegmentState.Span> into)
    {
        into.Clear();
        into.AddRange(_segments[PlaceOf(segment)].Spans);
    }

    internal LogRange RangeOf(ulong segment) =>
        new(new LogLocation(_logOffset + RegionOffset(segment)), _segmentBytes / Units.BlockBytes);

    /// <summary>Adds the places of all segments in use, the one that is being filled among them. Good until the cleaner frees one.</summary>
    public void CollectUsed(List<LogRange> ranges)
    {
        for (ulong segment = _startSegment; segment <= _headSegment; segment++) { ranges.Add(RangeOf(segment)); }
    }

    internal bool IsLiveIn(ulong segment, LogGroup group, int life, ulong index) =>
        !group.IsRemoved && group.Life == life && group.Holds(index) && IsIn(in group[index], segment);

    /// <summary>Greatest index of the span that is live in the segment; 0 = none.</summary>
    internal ulong LastLiveIn(ulong segment, in SegmentState.Span span) =>
        LastLiveIn(segment, span.Group, span.Group.Life, span.Last, span.First);

    /// <summary>Greatest index up to <paramref name="last"/> that is live in the segment; 0 = none.</summary>
    internal ulong LastLiveIn(ulong segment, LogGroup group, int life, ulong last, ulong first = 0)
    {
        ulong end = Math.Max(first, group.BaseIndex + 1);
        for (ulong index = Math.Min(last, group.LastIndex); index >= end; index--)
        {
            if (IsLiveIn(segment, group, life, index)) { return index; }
        }
        return 0;
    }

    /// <summary>Upper bound of the log space that copying the entry takes.</summary>
    internal static long CopyBytes(LogGroup group, ulong index)
    {
        ref IndexEntry entry = ref group[index];
        return LogRecord.EntrySize(entry.HeaderBytes, entry.PayloadBlocks) + ((long)entry.PayloadBlocks * Units.BlockBytes);
    }

    /// <summary>The payload of an entry that lies in another segment.</summary>
    internal bool TryGetRangeElsewhere(ulong segment, LogGroup group, ulong index, out LogRange range)
    {
        range = default;
        if (!group.Holds(index)) { return false; }
        ref IndexEntry entry = ref group[index];
        if (entry.PayloadBlocks == 0 || IsIn(in entry, segment)) { return false; }
        range = new LogRange(LocationOf(entry.PayloadBlock), entry.PayloadBlocks);
        return true;
    }

    /// <summary>As <see cref="ReadAsync"/>, but with BadMessage the payload is there all the same: damaged blocks are copied as
    /// they are, with the checksums that give them away.</summary>
    internal async ReactorTask<Errno> ReadForCopyAsync(PgId group, ulong index, LogEntryBuffer into)
    {
        Errno status = await ReadAsync(group, index, withPayload: true, into, BufferUse.Cleaning);
        if (status is not Errno.BadMessage || !_groups.TryGetValue(group, out LogGroup? state) || !state.Holds(index)) { return status; }
        status = await ReadFromDeviceAsync(group, index, state[index], withPayload: true, verifyPayload: false, into, BufferUse.Cleaning);
        return status is Errno.None ? Errno.BadMessage : status;
    }

    /// <summary>Appends a copy of an entry that was read from the segment, if it is still live there.</summary>
    /// <param name="read">How the reading went: BadMessage marks the copy.</param>
    internal Errno TryAppendCopy(ulong segment, LogGroup group, ulong index, LogEntryBuffer entry, Errno read)
    {
        if (!IsLiveIn(segment, group, group.Life, index) || group[index].Term != entry.Term || entry.Index != index)
        {
            return Errno.None;
        }
        EntryRecord record = new()
        {
            Group = group.Id,
            Incarnation = group.Incarnation,
            Index = index,
            Term = entry.Term,
            Kind = entry.Kind,
            Header = entry.Header,
            Crcs = entry.Crcs,
        };
        LogRecordFlags flags = LogRecordFlags.Copy | (read is Errno.BadMessage ? LogRecordFlags.BadPayload : LogRecordFlags.None);
        Errno status = Append(in record, flags, entry.Payload, entry.PayloadOffset, entry.PayloadBytes, LogRoom.Cleaning,
            out IndexEntry copy);
        if (status is not Errno.None) { return status; }
        _undurableCopies.Add((group, group.Life, index, copy));
        AddSpan(group, index, _headSegment);
        _statistics.CopiedEntries++;
        _statistics.CopiedBytes += entry.PayloadBytes;
        _statistics.CleaningBytes += entry.PayloadBytes;
        return Errno.None;
    }

    /// <summary>The copies are durable: from now on the entries lie there. Not earlier, because whoever applies an entry reads it
    /// where the index says.</summary>
    internal void SwitchToCopies(ulong segment)
    {
        foreach ((LogGroup group, int life, ulong index, IndexEntry copy) in _undurableCopies)
        {
            if (IsLiveIn(segment, group, life, index) && group[index].Term == copy.Term) { group[index] = copy; }
        }
        _undurableCopies.Clear();
    }

    private (ulong Segment, ulong Batch, uint Chain, ulong Durable) _newStart;
    private Func<ShardSuperblock, ShardSuperblock>? _moveStart; // made once

    private ShardSuperblock MoveStart(ShardSuperblock old) => old with
    {
        StartSegment = _newStart.Segment,
        StartBatch = _newStart.Batch,
        StartChain = _newStart.Chain,
        DurableBatch = _newStart.Durable,
    };

    internal Errno CopyPairs(ulong segment, out bool more) => _kv.CopyForward(segment, out more);

    internal void CopyGroupsWithBaseIn(ulong segment, List<LogGroup> into)
    {
        into.Clear();
        foreach (PgId id in _groupIds)
        {
            if (_groups[id].BaseSegment == segment) { into.Add(_groups[id]); }
        }
    }

    /// <summary>Records that the group's entries up to <paramref name="upTo"/> are gone, and drops them from memory.</summary>
    internal Errno TryAppendBase(LogGroup group, int life, ulong upTo)
    {
        if (group.IsRemoved || group.Life != life || upTo < group.BaseIndex) { return Errno.None; } // reset or removed meanwhile
        upTo = Math.Min(upTo, group.LastIndex);
        bool known = group.TryGetTerm(upTo, out ulong term);
        Invariant.Require(known);
        Errno status = AppendGroup(LogRecordKind.GroupBase, group.Id, group.Incarnation, upTo, term, LogRoom.Cleaning, null);
        if (status is not Errno.None) { return status; }
        group.DropUpTo(upTo, term);
        group.BaseSegment = _headSegment;
        return Errno.None;
    }

    /// <summary>Steps 6 and 7: everything that was live in the oldest segment is durable elsewhere.</summary>
    internal async ReactorTask<Errno> FreeOldestAsync()
    {
        ulong next = _startSegment + 1;
        int place = PlaceOf(next);
        if (place == 0) { Reached.Mark("log: wrapped"); }
        Invariant.Require(_segments[place].FirstBatch != 0);
        Errno sealedNow = await WaitDurableAsync(_segments[place].FirstBatch); // else the chain value is not known yet
        if (sealedNow is not Errno.None) { return sealedNow; }
        _newStart = (next, _segments[place].FirstBatch, _segments[place].FirstChain, DurableSequence);
        Errno status = await _volume.UpdateAsync(_moveStart ??= MoveStart);
        if (status is not Errno.None)
        {
            Fail(status); // without its superblock a log cannot go on
            return status;
        }
        _startSegment = next;
        _recentHeaderBlock = uint.MaxValue;
        _statistics.SegmentsFreed++;
        TellRoom();
        return Errno.None;
    }
}

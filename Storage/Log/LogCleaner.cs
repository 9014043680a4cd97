using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Log;

/// <summary>Frees the log's oldest segment, strictly in order, beside running appends.
/// <para>Steps for one segment S, and why a crash between any two of them is harmless:
/// 1. the owners make their applied state durable and say up to where entries may go;
/// 2. entries of S that may not go are copied to the end of the log (from now on nobody can come to refer to a payload in S);
/// 3. payload blocks in S that are still live move home;
/// 4. live key-value pairs and group records of S are copied; each group's new base is recorded, and so are groups that turned
///    out to have lost an entry of S;
/// 5. all of that is durable; no read is under way in S;
/// 6. the superblock says that the log begins behind S;
/// 7. S may be written over.
/// Before 6 is durable a restart replays S as well, and everything later in the log only repeats or supersedes it; after 6
/// nothing needs S any more. Nothing waits for an idle group or a slow follower: what is still needed is copied.</para>
/// </summary>
internal sealed class LogCleaner(DiskLog log) : IRunnable
{
    /// <summary>Owners asked at the same time: their commits then share the log's writes.</summary>
    private const int ReleasesAtOnce = 32;

    /// <summary>Entries and payload bytes that are read before they are appended together.</summary>
    private const int CopiesAtOnce = 32;

    private const int CopyBytesAtOnce = (int)(512 * Units.KiB);

    /// <summary>Wait before trying again when something refused or failed.</summary>
    private const long RetryNanos = Units.NanosPerMilli;

    /// <summary>Wait after each segment when a whole round of the ring has gained next to nothing.</summary>
    private const long FruitlessNanos = 100 * Units.NanosPerMilli;

    private readonly record struct Release(LogGroup Group, int Life, ulong LastInSegment, ReactorTask<ulong> Task);

    private readonly record struct Copy(LogGroup Group, int Life, ulong Index);

    private readonly record struct Drop(LogGroup Group, int Life, ulong UpTo);

    private readonly Func<int> _pressure = () => log.CleaningPressure;
    private readonly ReactorSignal<bool> _wake = new();
    private readonly ReactorSignal<bool> _stopped = new();
    private readonly LogEntryBuffer[] _entries = new LogEntryBuffer[CopiesAtOnce];
    private readonly Errno[] _reads = new Errno[CopiesAtOnce];
    private readonly List<Copy> _copies = [];
    private readonly List<LogRange> _ranges = [];
    private readonly List<Drop> _drops = [];
    private readonly List<SegmentState.Span> _spans = [];
    private readonly List<Release> _asked = [];
    private readonly List<LogGroup> _based = [];
    private ILogOwner? _owner;
    private IBlockMover? _mover;
    private bool _isMoved;
    private bool _running;
    private bool _stop;
    private bool _isIdle;
    private bool _wakeQueued;
    private int _fruitless;

    /// <summary>A pass is under way: owners may be making room for it.</summary>
    public bool IsCleaning { get; private set; }

    /// <summary>How much of the pass's long part, the moves, is done: 0 to <see cref="AppendPace.Whole"/>.</summary>
    public int Progress => _isMoved ? AppendPace.Whole : _mover?.Progress ?? 0;

    /// <summary>Free segments before the cleaner has anything to do for long.</summary>
    private bool HasWork => log.FreeSegments < log.CleanBelow && log.CanClean;

    public void Start(ILogOwner owner, IBlockMover? mover)
    {
        Invariant.Require(!_running);
        (_owner, _mover, _running) = (owner, mover, true);
        for (int i = 0; i < CopiesAtOnce; i++) { _entries[i] = new LogEntryBuffer(); }
        RunAsync().Start();
    }

    /// <summary>To be called when segments became few; runs the cleaner later, never from within an append. Cheap and without
    /// effect while it is at work: who finds the log full asks in every iteration, and must not keep the loop awake.</summary>
    public void Wake()
    {
        if (!_isIdle || _wakeQueued || !(HasWork || _stop)) { return; }
        _wakeQueued = true;
        log.Reactor.Enqueue(this);
    }

    public async ReactorTask StopAsync()
    {
        if (!_running) { return; }
        _stop = true;
        Wake();
        _ = await _stopped;
    }

    void IRunnable.Run()
    {
        _wakeQueued = false;
        if (!_wake.IsSet) { _wake.Set(true); }
    }

    private async ReactorTask RunAsync()
    {
        while (!_stop && log.Failure is Errno.None)
        {
            if (!HasWork)
            {
                _isIdle = true;
                _ = await _wake;
                _isIdle = false;
                _wake.Reset();
                continue;
            }
            long before = log.Statistics.CleaningBytes;
            IsCleaning = true;
            _isMoved = false;
            log.Pace.Begin();
            Errno status = await CleanOldestAsync();
            log.Pace.End();
            IsCleaning = false;
            bool gained = status is Errno.None && log.Statistics.CleaningBytes - before < log.SegmentBytes / 4 * 3;
            _fruitless = gained ? 0 : _fruitless + 1;
            if (_fruitless > log.SegmentCount)
            {
                // A whole round has freed next to nothing: everything is live. Time will tell, not work.
                Reached.Mark("log: everything is live");
                await log.Reactor.Delay(FruitlessNanos);
            }
            else if (status is not Errno.None) { await log.Reactor.Delay(RetryNanos); }
        }
        _running = false;
        _stopped.Set(true);
    }

    /// <summary>One pass; see the steps above.</summary>
    /// <returns>Anything but None: the segment is still there.</returns>
    public async ReactorTask<Errno> CleanOldestAsync()
    {
        ulong segment = log.OldestSegment;
        _drops.Clear();
        _copies.Clear();
        await ReleaseEntriesAsync(segment);
        Errno status = await CopyEntriesAsync(segment);
        if (status is not Errno.None) { return status; }
        if (_mover is not null)
        {
            CollectRanges(segment);
            status = await _mover.MoveHomeAsync(_ranges, _pressure);
            if (status is not Errno.None) { return status; }
        }
        _isMoved = true;
        status = await CopyPairsAsync(segment);
        if (status is Errno.None) { status = await WriteBasesAsync(segment); }
        if (status is Errno.None) { status = _owner!.SaveLosses(); }
        if (status is Errno.None) { status = await log.WaitDurableAsync(log.LastSequence); }
        if (status is not Errno.None) { return status; }
        while (log.ReadersOf(segment) > 0) { await log.Reactor.Delay(RetryNanos / 10); }
        return await log.FreeOldestAsync();
    }

    /// <summary>Step 1: finds out what may go (_drops) and what must be copied (_copies).</summary>
    private async ReactorTask ReleaseEntriesAsync(ulong segment)
    {
        log.CopySpansOf(segment, _spans);
        for (int next = 0; next < _spans.Count;)
        {
            _asked.Clear();
            for (; next < _spans.Count && _asked.Count < ReleasesAtOnce; next++)
            {
                LogGroup group = _spans[next].Group;
                ulong last = log.LastLiveIn(segment, _spans[next]);
                if (last == 0) { continue; }
                _asked.Add(new Release(group, group.Life, last, _owner!.ReleaseUpToAsync(group.Id, last)));
            }
            foreach (Release release in _asked)
            {
                ulong upTo = Math.Min(await release.Task, release.LastInSegment);
                for (ulong index = Math.Max(upTo, release.Group.BaseIndex) + 1; index <= release.LastInSegment; index++)
                {
                    if (log.IsLiveIn(segment, release.Group, release.Life, index))
                    {
                        _copies.Add(new Copy(release.Group, release.Life, index));
                    }
                }
                ulong drop = log.LastLiveIn(segment, release.Group, release.Life, upTo);
                if (drop != 0) { _drops.Add(new Drop(release.Group, release.Life, drop)); }
            }
        }
    }

    /// <summary>Step 2. Several entries are read before the first of them is appended, so that the copies share header blocks as
    /// the originals did; else the log would grow by being cleaned.</summary>
    private async ReactorTask<Errno> CopyEntriesAsync(ulong segment)
    {
        long bytes = 0;
        foreach (Copy copy in _copies)
        {
            if (log.IsLiveIn(segment, copy.Group, copy.Life, copy.Index)) { bytes += DiskLog.CopyBytes(copy.Group, copy.Index); }
        }
        if (!log.FitsCopies(bytes)) { return Errno.NoSpace; }
        Errno status = await CopyAllAsync(segment);
        if (_copies.Count == 0) { return status; }
        // Also when it had to stop half-way: what was copied need not be copied again.
        Errno durable = await log.WaitDurableAsync(log.LastSequence);
        if (durable is Errno.None) { log.SwitchToCopies(segment); }
        return status is Errno.None ? durable : status;
    }

    private async ReactorTask<Errno> CopyAllAsync(ulong segment)
    {
        long bytes;
        for (int next = 0; next < _copies.Count;)
        {
            int count = 0;
            for (bytes = 0; next + count < _copies.Count && count < CopiesAtOnce && bytes < CopyBytesAtOnce; count++)
            {
                if (await ReadCopyAsync(segment, _copies[next + count], count) is not Errno.None) { break; }
                bytes += _entries[count].PayloadBytes;
            }
            if (count == 0) { await log.Reactor.Delay(RetryNanos / 10); } // no buffer at all
            Errno status = await AppendCopiesAsync(segment, next, count);
            if (status is not Errno.None) { return status; }
            next += count;
        }
        return Errno.None;
    }

    private async ReactorTask<Errno> AppendCopiesAsync(ulong segment, int first, int count)
    {
        Errno status = _stop ? Errno.Canceled : log.Failure;
        for (int i = 0; i < count && status is Errno.None;)
        {
            status = log.TryAppendCopy(segment, _copies[first + i].Group, _copies[first + i].Index, _entries[i], _reads[i]);
            if (status is Errno.None) { i++; }
            if (status is not Errno.Again) { continue; }
            await log.Reactor.Delay(RetryNanos / 10);
            status = log.Failure;
        }
        for (int i = 0; i < count; i++) { _entries[i].Clear(); }
        return status;
    }

    /// <summary>Reads one entry to copy into the place <paramref name="at"/>.</summary>
    /// <returns>None, also when there is nothing to copy any more; NoBuffers = append what there is first.</returns>
    private async ReactorTask<Errno> ReadCopyAsync(ulong segment, Copy copy, int at)
    {
        Reached.Mark("log: entry copied by the cleaner");
        _entries[at].Clear();
        _reads[at] = Errno.None;
        if (!log.IsLiveIn(segment, copy.Group, copy.Life, copy.Index)) { return Errno.None; }
        Errno status = await log.ReadForCopyAsync(copy.Group.Id, copy.Index, _entries[at]);
        _reads[at] = status;
        if (status is Errno.None or Errno.BadMessage or Errno.NoBuffers) { return status is Errno.NoBuffers ? status : Errno.None; }
        _entries[at].Clear();
        if (log.IsLiveIn(segment, copy.Group, copy.Life, copy.Index))
        {
            // The record itself cannot be read any more: the owner must get it from elsewhere.
            copy.Group.LoseFrom(copy.Index);
            _owner!.OnEntryLost(copy.Group.Id, copy.Index);
        }
        return Errno.None;
    }

    /// <summary>Step 3: the whole segment, and copies of older entries that go together with it. These were copied when an older
    /// segment was freed; the log's base is about to pass them, so that a replay will skip them.</summary>
    private void CollectRanges(ulong segment)
    {
        _ranges.Clear();
        _ranges.Add(log.RangeOf(segment));
        foreach (Drop drop in _drops)
        {
            LogGroup group = drop.Group;
            if (group.IsRemoved || group.Life != drop.Life) { continue; }
            for (ulong index = group.BaseIndex + 1; index <= Math.Min(drop.UpTo, group.LastIndex); index++)
            {
                if (log.TryGetRangeElsewhere(segment, group, index, out LogRange range)) { _ranges.Add(range); }
            }
        }
    }

    /// <summary>Step 4, key-value pairs.</summary>
    private async ReactorTask<Errno> CopyPairsAsync(ulong segment)
    {
        bool more = true;
        while (more)
        {
            Errno status = log.CopyPairs(segment, out more);
            if (status is Errno.Again) { await log.Reactor.Delay(RetryNanos / 10); }
            else if (status is not Errno.None) { return status; }
            if (_stop) { return Errno.Canceled; }
        }
        return Errno.None;
    }

    /// <summary>Step 4, group records: new bases, and live records that lie in the segment.</summary>
    private async ReactorTask<Errno> WriteBasesAsync(ulong segment)
    {
        foreach (Drop drop in _drops)
        {
            Errno status;
            while ((status = log.TryAppendBase(drop.Group, drop.Life, drop.UpTo)) is Errno.Again)
            {
                await log.Reactor.Delay(RetryNanos / 10);
            }
            if (status is not Errno.None) { return status; }
        }
        log.CopyGroupsWithBaseIn(segment, _based);
        foreach (LogGroup group in _based)
        {
            Errno status;
            while ((status = log.TryAppendBase(group, group.Life, group.BaseIndex)) is Errno.Again)
            {
                await log.Reactor.Delay(RetryNanos / 10);
            }
            if (status is not Errno.None) { return status; }
        }
        return Errno.None;
    }
}

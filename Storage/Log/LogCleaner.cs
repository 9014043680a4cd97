using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Log;

/// <summary>Frees the log's oldest segment, strictly in order, beside running appends.
/// <para>Steps for one segment S, and why a crash between any two of them is harmless:
/// 1. the owners make their applied state durable and say up to where entries may go;
/// 2. entries of S that may not go are copied to the end of the log (from now on nobody can come to refer to a payload in S);
/// 3. payload blocks in S that are still live move home;
/// 4. live key-value pairs and group records of S are copied; each group's new base is recorded;
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

    /// <summary>Wait before trying again when something refused or failed.</summary>
    private const long RetryNanos = Units.NanosPerMilli;

    /// <summary>Wait when a whole round of the ring has freed nothing: everything in the log is live.</summary>
    private const long FruitlessNanos = 20 * Units.NanosPerMilli;

    private readonly record struct Release(LogGroup Group, ulong Incarnation, ulong LastInSegment, ReactorTask<ulong> Task);

    private readonly record struct Drop(LogGroup Group, ulong Incarnation, ulong UpTo);

    private readonly ReactorSignal<bool> _wake = new();
    private readonly ReactorSignal<bool> _stopped = new();
    private readonly LogEntryBuffer _entry = new();
    private readonly List<LogRange> _ranges = [];
    private readonly List<Drop> _drops = [];
    private ILogOwner? _owner;
    private IBlockMover? _mover;
    private bool _running;
    private bool _stop;
    private bool _wakeQueued;
    private int _fruitless;

    /// <summary>Free segments before the cleaner has anything to do for long.</summary>
    private bool HasWork => log.FreeSegments < log.CleanBelow && log.CanClean;

    public void Start(ILogOwner owner, IBlockMover? mover)
    {
        Invariant.Require(!_running);
        (_owner, _mover, _running) = (owner, mover, true);
        RunAsync().Start();
    }

    /// <summary>To be called when segments became few; runs the cleaner later, never from within an append.</summary>
    public void Wake()
    {
        if (!_running || _wakeQueued) { return; }
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
                _ = await _wake;
                _wake.Reset();
                continue;
            }
            int freeBefore = log.FreeSegments;
            Errno status = await CleanOldestAsync();
            _fruitless = log.FreeSegments > freeBefore ? 0 : _fruitless + 1;
            if (status is not Errno.None) { await log.Reactor.Delay(RetryNanos); }
            else if (_fruitless > log.SegmentCount)
            {
                await log.Reactor.Delay(FruitlessNanos);
                _fruitless = 0;
            }
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
        Errno status = await ReleaseEntriesAsync(segment);
        if (status is not Errno.None) { return status; }
        if (_mover is not null)
        {
            CollectRanges(segment);
            status = await _mover.MoveHomeAsync(_ranges);
            if (status is not Errno.None) { return status; }
        }
        status = await CopyPairsAsync(segment);
        if (status is Errno.None) { status = await WriteBasesAsync(segment); }
        if (status is Errno.None) { status = await log.WaitDurableAsync(log.LastSequence); }
        if (status is not Errno.None) { return status; }
        while (log.ReadersOf(segment) > 0) { await log.Reactor.Delay(RetryNanos / 10); }
        return await log.FreeOldestAsync();
    }

    /// <summary>Steps 1 and 2.</summary>
    private async ReactorTask<Errno> ReleaseEntriesAsync(ulong segment)
    {
        SegmentState.Span[] spans = log.SpansOf(segment);
        List<Release> asked = [];
        for (int next = 0; next < spans.Length;)
        {
            asked.Clear();
            for (; next < spans.Length && asked.Count < ReleasesAtOnce; next++)
            {
                LogGroup group = spans[next].Group;
                ulong last = log.LastLiveIn(segment, in spans[next]);
                if (last == 0) { continue; }
                asked.Add(new Release(group, group.Incarnation, last, _owner!.ReleaseUpToAsync(group.Id, last)));
            }
            Errno status = Errno.None;
            foreach (Release release in asked)
            {
                ulong upTo = await release.Task; // every task must be awaited, also after a failure
                if (status is not Errno.None) { continue; }
                if (upTo < release.LastInSegment) { status = await CopyEntriesAsync(segment, release, upTo + 1); }
                ulong drop = log.LastLiveIn(segment, release.Group, release.Incarnation, System.Math.Min(upTo, release.LastInSegment));
                if (drop != 0) { _drops.Add(new Drop(release.Group, release.Incarnation, drop)); }
            }
            if (status is not Errno.None) { return status; }
        }
        return Errno.None;
    }

    /// <summary>Copies the entries from <paramref name="first"/> on that lie in the segment.</summary>
    private async ReactorTask<Errno> CopyEntriesAsync(ulong segment, Release release, ulong first)
    {
        LogGroup group = release.Group;
        for (ulong index = System.Math.Max(first, group.BaseIndex + 1); index <= release.LastInSegment; index++)
        {
            while (log.IsLiveIn(segment, group, release.Incarnation, index))
            {
                Errno status = await log.ReadForCopyAsync(group.Id, index, _entry);
                if (status is Errno.None or Errno.BadMessage) { status = log.TryAppendCopy(segment, group, index, _entry, status); }
                else if (status is Errno.NotFound) { status = log.IsLiveIn(segment, group, release.Incarnation, index) ? Errno.Io : Errno.None; }
                _entry.Clear();
                if (status is Errno.Io)
                {
                    // The record itself cannot be read any more: the owner must get it from elsewhere.
                    group.LoseFrom(index);
                    _owner!.OnEntryLost(group.Id, index);
                }
                else if (status is Errno.Again or Errno.NoBuffers or Errno.NoSpace) { await log.Reactor.Delay(RetryNanos / 10); }
                else if (status is not Errno.None) { return status; }
                if (log.Failure is not Errno.None || _stop) { return Errno.Canceled; }
            }
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
            if (group.IsRemoved || group.Incarnation != drop.Incarnation) { continue; }
            for (ulong index = group.BaseIndex + 1; index <= System.Math.Min(drop.UpTo, group.LastIndex); index++)
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
            while ((status = log.TryAppendBase(drop.Group, drop.Incarnation, drop.UpTo)) is Errno.Again)
            {
                await log.Reactor.Delay(RetryNanos / 10);
            }
            if (status is not Errno.None) { return status; }
        }
        foreach (LogGroup group in log.GroupsWithBaseIn(segment))
        {
            Errno status;
            while ((status = log.TryAppendBase(group, group.Incarnation, group.BaseIndex)) is Errno.Again)
            {
                await log.Reactor.Delay(RetryNanos / 10);
            }
            if (status is not Errno.None) { return status; }
        }
        return Errno.None;
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

// Scrubs are spread evenly: a PG of n ranges gets a mark every n-th part of the interval, beginning at a random moment of the
// first part. So there is no clock to keep over a restart: the position is durable, and however often an OSD is restarted, on
// average a pass takes the interval.

/// <summary>Leader: scrubs the PGs that this shard leads, one range of one PG at a time, and compares what their replicas found.
/// Also the turnstile and the pace of what this shard reads for anybody's scrub.</summary>
internal sealed partial class ScrubDriver
{
    /// <summary>Objects of one mark.</summary>
    public const int RangeObjects = 32;

    /// <summary>How often it looks for something to do.</summary>
    private const long TickNanos = Units.NanosPerSecond;

    /// <summary>A PG that cannot be scrubbed now is left alone for so long.</summary>
    private const long PauseNanos = 5 * Units.NanosPerSecond;

    /// <summary>Marks for one range: objects that are changed all the time are compared in the next pass.</summary>
    private const int MaxRounds = 4;

    /// <summary>A replica that does not come to an end with a range, for whatever reason, must not hold up the others for ever.</summary>
    private const long ResultNanos = 300 * Units.NanosPerSecond;

    private sealed class Plan
    {
        public long DueNanos { get; set; }
        public bool IsWanted { get; set; }

        /// <summary>Objects whose replicas were found to differ, in this pass or the one before.</summary>
        public SortedSet<DamagedBlock> Different { get; } = [];
    }

    private readonly OsdShard _shard;
    private readonly Log _log;
    private readonly long _intervalNanos;
    private readonly long _bytesPerSecond;
    private readonly SortedDictionary<ulong, Plan> _plans = [];
    private readonly Queue<ReactorSignal<bool>> _waiting = new();
    private readonly TickTimer _timer;
    private bool _isInside;
    private bool _running;
    private bool _stopping;

    public ScrubDriver(OsdShard shard, OsdOptions options, Log log)
    {
        (_shard, _log) = (shard, log);
        _intervalNanos = options.ScrubIntervalNanos;
        _bytesPerSecond = Math.Max(1, options.ScrubBytesPerSecond);
        _timer = new TickTimer(this);
    }

    public void Start() => _shard.Reactor.Arm(_timer, _shard.Reactor.NowNanos + TickNanos);

    public void Stop()
    {
        _stopping = true;
        _shard.Reactor.Disarm(_timer);
    }

    /// <summary>Scrubs a PG that is led here as soon as possible, from where its pass is, or from the start.</summary>
    /// <returns>False when that was asked for already.</returns>
    public bool Request(PgReplica pg)
    {
        Plan plan = PlanOf(pg);
        bool isNews = !plan.IsWanted;
        (plan.IsWanted, plan.DueNanos) = (true, _shard.Reactor.NowNanos);
        if (!_running && !_stopping) { _shard.Reactor.Arm(_timer, _shard.Reactor.NowNanos); }
        return isNews;
    }

    /// <summary>Objects of a PG led here whose replicas differ.</summary>
    public ulong DifferentIn(PgId pg) => _plans.TryGetValue(pg.Value, out Plan? plan) ? (ulong)plan.Different.Count : 0;

    /// <summary>Waits until nobody else reads for a scrub in this shard.</summary>
    public async ReactorTask EnterAsync()
    {
        if (!_isInside)
        {
            _isInside = true;
            return;
        }
        ReactorSignal<bool> turn = new();
        _waiting.Enqueue(turn);
        _ = await turn;
    }

    public void Leave()
    {
        if (_waiting.TryDequeue(out ReactorSignal<bool>? next)) { next.Set(true); }
        else { _isInside = false; }
    }

    /// <summary>Waits as long as so many bytes are to take.</summary>
    public ReactorDelay PaceAsync(int bytes) => _shard.Reactor.Delay(bytes * Units.NanosPerSecond / _bytesPerSecond);

    private Plan PlanOf(PgReplica pg)
    {
        if (!_plans.TryGetValue(pg.Id.Value, out Plan? plan))
        {
            long period = PeriodOf(pg);
            long now = _shard.Reactor.NowNanos;
            Prng random = new(pg.Id.Value ^ unchecked((ulong)now));
            plan = new Plan { DueNanos = period == long.MaxValue ? period : now + random.Between(0, period) };
            _plans.Add(pg.Id.Value, plan);
        }
        return plan;
    }

    private long PeriodOf(PgReplica pg)
    {
        if (_intervalNanos <= 0) { return long.MaxValue; }
        List<ImageUsage> usage = _shard.UsageScratch;
        usage.Clear();
        _shard.Objects.GetUsage(pg.Id, usage);
        long objects = 0;
        foreach (ImageUsage image in usage) { objects += image.Objects; }
        return Math.Max(Units.NanosPerMilli, _intervalNanos / ((objects / RangeObjects) + 1));
    }

    private void OnTick()
    {
        if (_running || _stopping) { return; }
        RunAsync().Start();
    }

    private async ReactorTask RunAsync()
    {
        _running = true;
        while (!_stopping && TryPick(out PgReplica? pg, out Plan? plan))
        {
            bool done = await ScrubSomeAsync(pg!, plan!);
            long now = _shard.Reactor.NowNanos;
            if (!done) { plan!.DueNanos = now + PauseNanos; }
            else
            {
                if (!pg!.Scrub.IsUnderWay) { plan!.IsWanted = false; }
                long period = plan!.IsWanted ? 0 : PeriodOf(pg);
                plan.DueNanos = period == long.MaxValue ? period : now + period;
            }
        }
        _running = false;
        if (!_stopping) { _shard.Reactor.Arm(_timer, _shard.Reactor.NowNanos + TickNanos); }
    }

    private bool TryPick(out PgReplica? pg, out Plan? plan)
    {
        (pg, plan) = (null, null);
        foreach (PgReplica candidate in _shard.Pgs)
        {
            if (candidate.Group is not { IsLeader: true, IsReady: true }) { continue; }
            Plan its = PlanOf(candidate);
            if (its.DueNanos <= _shard.Reactor.NowNanos && (plan is null || its.DueNanos < plan.DueNanos)) { (pg, plan) = (candidate, its); }
        }
        return pg is not null;
    }

    private sealed class TickTimer(ScrubDriver driver) : TimerEntry
    {
        public override void OnTimer(long nowNanos) => driver.OnTick();
    }
}

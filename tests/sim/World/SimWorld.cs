using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.Network;

namespace Fastblock.Tests.Sim.World;

/// <summary>A whole cluster's surroundings in one thread: virtual time, hosts, a network and disks, all drawn from one seed.
/// Time passes only between events, so minutes of a cluster's life take a fraction of a second.</summary>
internal sealed class SimWorld : IDisposable
{
    private readonly EventQueue _events = new();
    private readonly List<SimHost> _hosts = [];
    private const int MaxEventsAtOnce = 100_000;
    private const long BuriedNanos = 10 * Units.NanosPerSecond;

    /// <summary>What is left of dead processes, with the time of death.</summary>
    private readonly Queue<(long At, IDisposable Memory)> _buried = [];
    private int _eventsAtOnce;

    public SimWorld(ulong seed, string? tracePath = null)
    {
        Invariant.ThrowsOnThisThread = true;
        Invariant.FirstViolation = null;
        Seed = seed;
        Prng = new Prng(seed);
        Trace = new SimTrace(tracePath);
        Network = new SimNetwork(this, Prng.Fork());
    }

    public ulong Seed { get; }

    /// <summary>How long the scenario's trouble is to last; 0 = as its seed says.</summary>
    public int TroubleSeconds { get; init; }

    /// <summary>For the world itself and for whoever builds the scenario.</summary>
    public Prng Prng { get; }
    public SimTrace Trace { get; }
    public SimNetwork Network { get; }
    public IReadOnlyList<SimHost> Hosts => _hosts;

    /// <summary>World time of the event that is running, in nanoseconds from 0.</summary>
    public long Now { get; private set; }

    /// <summary>The reactor whose loop is running, if any.</summary>
    public SimSeat? Running { get; set; }

    /// <summary>World time as the running reactor lives it: ahead of <see cref="Now"/> when its iteration has taken time.</summary>
    public long TimeNow => Running == null ? Now : Now + Running.LagNanos;

    /// <summary>Events run so far.</summary>
    public long EventCount { get; private set; }

    /// <summary>Chance per million that a reactor is stopped (by the scheduler, SIGSTOP, a hypervisor) right where it looks at
    /// its clock, and for how long at most: the gap in which a lease may run out unnoticed.</summary>
    public int StallPerMillion { get; set; }
    public long StallMaxNanos { get; set; } = Units.NanosPerSecond;

    /// <param name="driftPpm">Speed of the host's clock against the world's.</param>
    public SimHost AddHost(string name, long driftPpm = 0)
    {
        var clock = new SimClock(this, Prng.Between(1, 1_000) * Units.NanosPerSecond, driftPpm);
        var host = new SimHost(this, _hosts.Count + 1, name, clock);
        _hosts.Add(host);
        return host;
    }

    /// <summary>Runs <paramref name="action"/> after so many nanoseconds.</summary>
    public void Schedule(long afterNanos, Action action) => ScheduleAt(TimeNow + afterNanos, new ActionEvent(action));

    public void ScheduleAt(long at, SimEvent added)
    {
        added.At = Math.Max(at, Now);
        _events.Add(added);
    }

    /// <summary>The time a clock reads; the reading itself may be where the process is stopped for a while.</summary>
    public long SampleTime()
    {
        if (Running != null && StallPerMillion > 0 && Prng.Chance(StallPerMillion))
        {
            Running.LagNanos += Prng.Between(1, StallMaxNanos);
        }
        return TimeNow;
    }

    /// <summary>Lets so much time pass.</summary>
    public void RunFor(long nanos)
    {
        long end = Now + nanos;
        while (_events.NextAt <= end) { RunNext(); }
        Now = end;
    }

    /// <summary>Lets time pass until the condition holds, at most so long.</summary>
    /// <returns>Whether it holds.</returns>
    public bool RunUntil(Func<bool> condition, long limitNanos)
    {
        long end = Now + limitNanos;
        while (!condition())
        {
            if (_events.NextAt > end)
            {
                Now = end;
                return condition();
            }
            RunNext();
        }
        return true;
    }

    /// <summary>Keeps the memory of a dead process for a while: a late access then reads poison and is seen as wrong data, where
    /// freed memory would take the whole test run down. Nothing is under way for as long as that.</summary>
    internal void Bury(IDisposable memory)
    {
        while (_buried.TryPeek(out (long At, IDisposable Memory) oldest) && Now - oldest.At > BuriedNanos)
        {
            _buried.Dequeue().Memory.Dispose();
        }
        _buried.Enqueue((Now, memory));
    }

    public void Dispose()
    {
        Invariant.ThrowsOnThisThread = false;
        Invariant.FirstViolation = null;
        foreach (SimHost host in _hosts)
        {
            foreach (SimDisk disk in host.Disks) { disk.Dispose(); }
            if (host.Process == null) { continue; }
            host.Process.BuryMemory();
        }
        foreach ((_, IDisposable memory) in _buried) { memory.Dispose(); }
        Trace.Dispose();
    }

    private void RunNext()
    {
        SimEvent next = _events.Take();
        if (next.At != Now) { _eventsAtOnce = 0; }
        // Something goes on for ever without any time passing.
        if (++_eventsAtOnce > MaxEventsAtOnce) { throw new InvalidOperationException("time stands still"); }
        Now = next.At;
        if (next.IsCancelled) { return; }
        EventCount++;
        next.Run();
        // Also when a task of the product has caught the exception.
        if (Invariant.FirstViolation is { } violation) { throw new InvariantViolation(violation); }
    }
}

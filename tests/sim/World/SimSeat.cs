using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Tests.Sim.Network;

namespace Fastblock.Tests.Sim.World;

/// <summary>One reactor of a simulated process with its transport. The world runs its loop whenever news or a timer is due;
/// an iteration may take time, and then its later effects happen at a later moment.</summary>
internal sealed class SimSeat
{
    private sealed class StepEvent(SimSeat seat) : SimEvent
    {
        public override void Run() => seat.OnStep(this);
    }

    private sealed class ActionNews(Action action) : ISimCompletion
    {
        public void Deliver() => action();
    }

    /// <summary>Iterations without time passing: more than this is a loop that never comes to rest.</summary>
    private const int IterationsPerStep = 64;

    private readonly SimWorld _world;
    private StepEvent? _next;
    private bool _running;
    private long _timerLocal = long.MinValue; // the last next timer, and when that is
    private long _timerWorld;

    public SimSeat(SimProcess process, int index, ReadOnlySpan<(int Bytes, int Count)> bufferClasses)
    {
        Process = process;
        Index = index;
        _world = process.World;
        Source = new SimEventSource(this);
        Buffers = new BufferPool(bufferClasses, poison: true);
        Transport = new SimTransport(this);
        Reactor = new Reactor(index, process.Host.Clock, _world.Prng.Fork(), Source, Buffers);
    }

    public SimProcess Process { get; }
    public int Index { get; }
    public Reactor Reactor { get; }
    public SimEventSource Source { get; }
    public SimTransport Transport { get; }
    public BufferPool Buffers { get; }

    /// <summary>How far inside the running iteration this reactor's time is ahead of the world's, in nanoseconds.</summary>
    public long LagNanos { get; set; }

    /// <summary>World time before which the loop does not run again.</summary>
    public long BusyUntil { get; set; }

    /// <summary>Makes the loop run as soon as it may.</summary>
    public void Wake()
    {
        if (!_running) { ScheduleAt(_world.TimeNow); }
    }

    /// <summary>Runs the loop now, if it may.</summary>
    public void RunOrWake()
    {
        if (_running || _world.Running != null || !Process.IsAlive || _world.Now < BusyUntil || _world.Now < Process.PausedUntil) { Wake(); } else { RunLoop(); }
    }

    /// <summary>Runs a piece of test code inside the loop, where production code may be called.</summary>
    public void Do(Action action) => Source.Add(new ActionNews(action));

    private void ScheduleAt(long at)
    {
        if (!Process.IsAlive) { return; }
        at = Math.Max(Math.Max(at, BusyUntil), Process.PausedUntil);
        if (_next != null)
        {
            if (_next.At <= at) { return; }
            _next.IsCancelled = true;
        }
        _next = new StepEvent(this);
        _world.ScheduleAt(at, _next);
    }

    private void OnStep(StepEvent step)
    {
        if (_next == step) { _next = null; }
        if (!Process.IsAlive) { return; }
        if (_world.Now < BusyUntil || _world.Now < Process.PausedUntil)
        {
            ScheduleAt(_world.Now);
            return;
        }
        RunLoop();
    }

    private void RunLoop()
    {
        _running = true;
        LagNanos = 0;
        _world.Running = this;
        bool more = true;
        for (int i = 0; more && i < IterationsPerStep && Process.IsAlive; i++) { more = Reactor.RunOnce(); }
        _world.Running = null;
        _running = false;
        BusyUntil = _world.Now + LagNanos;
        LagNanos = 0;
        foreach (SimSeat sibling in Process.Seats)
        {
            // A post to another reactor of the process; a loop that sleeps in the kernel would be woken by it.
            if (sibling != this && sibling.Reactor.HasWork) { sibling.Wake(); }
        }
        if (more || !Source.IsEmpty) { ScheduleAt(_world.Now + Units.NanosPerMicro); }
        long timer = Reactor.NextTimerNanos;
        if (timer == long.MaxValue) { return; }
        if (timer != _timerLocal)
        {
            _timerLocal = timer;
            _timerWorld = Process.Host.Clock.ToWorld(timer);
        }
        ScheduleAt(Math.Max(_timerWorld, _world.Now + 1));
    }
}

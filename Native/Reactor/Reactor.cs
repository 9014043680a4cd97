using System.Collections.Generic;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;

namespace Fastblock.Native.Reactor;

/// <summary>The event loop that owns everything of its core. One iteration: drain completions, fire timers, run what other
/// threads posted and what became runnable, call the batch points, submit once. Nothing in it blocks or allocates in
/// steady state. The simulator drives many of them on one thread through <see cref="RunOnce"/>.
/// <para>All members but <see cref="Post"/>, <see cref="RequestStop"/> and the wait settings belong to the reactor's
/// thread.</para></summary>
internal sealed class Reactor
{
    private readonly TimerHeap _timers = new();
    private readonly RingQueue<IRunnable> _runQueue = new(256);
    private readonly Mailbox _mailbox = new();
    private readonly List<(HookStage Stage, IIterationHook Hook)> _hooks = [];
    private DelaySource? _freeDelays;
    private int _strategy;
    private long _spinNanos;
    private bool _sleeping;
    private bool _stop;

    /// <param name="index">Which core (or simulated node) it is; for names only.</param>
    /// <param name="source">Disk and network events.</param>
    public Reactor(int index, IClock clock, Prng prng, IEventSource source, BufferPool buffers, ReactorOptions? options = null)
    {
        options ??= new ReactorOptions();
        Index = index;
        Clock = clock;
        Prng = prng;
        Source = source;
        Buffers = buffers;
        _strategy = (int)options.Strategy;
        _spinNanos = options.SpinNanos;
        NowNanos = clock.NowNanos;
    }

    public int Index { get; }
    public IClock Clock { get; }
    public Prng Prng { get; }
    public IEventSource Source { get; }
    public BufferPool Buffers { get; }

    /// <summary>The time at the start of this iteration. Where a decision must not be made on old time (a lease), ask
    /// <see cref="Clock"/>.</summary>
    public long NowNanos { get; private set; }

    /// <summary>When the earliest timer is due; long.MaxValue when none is armed.</summary>
    public long NextTimerNanos => _timers.NextNanos;

    /// <summary>True when the next iteration has something to run, due timers apart.</summary>
    public bool HasWork => !_runQueue.IsEmpty || _mailbox.HasMail;

    /// <summary>May be changed while running, from any thread; takes effect after at most one wait.</summary>
    public WaitStrategy Strategy
    {
        get => (WaitStrategy)Volatile.Read(ref _strategy);
        set
        {
            Volatile.Write(ref _strategy, (int)value);
            WakeIfSleeping();
        }
    }

    /// <inheritdoc cref="ReactorOptions.SpinNanos"/>
    public long SpinNanos
    {
        get => Volatile.Read(ref _spinNanos);
        set => Volatile.Write(ref _spinNanos, value);
    }

    /// <summary>Arms a timer, or moves one that is armed. A time in the past fires in the next timer phase.</summary>
    public void Arm(TimerEntry timer, long dueNanos) => _timers.Arm(timer, dueNanos);

    /// <summary>Does nothing when it is not armed.</summary>
    public void Disarm(TimerEntry timer) => _timers.Disarm(timer);

    /// <summary>Runs <paramref name="runnable"/> in this iteration's run phase, or in the next one when that has begun.</summary>
    public void Enqueue(IRunnable runnable) => _runQueue.PushBack(runnable);

    /// <summary>Runs <paramref name="runnable"/> in a coming iteration; from any thread, in order per thread. Costs no
    /// system call unless the reactor sleeps.</summary>
    public void Post(IRunnable runnable)
    {
        _mailbox.Post(runnable);
        WakeIfSleeping();
    }

    /// <summary>Adds a batch point behind those of its stage that are there.</summary>
    public void AddIterationHook(IIterationHook hook, HookStage stage = HookStage.Logic)
    {
        int at = _hooks.Count;
        while (at > 0 && _hooks[at - 1].Stage > stage) { at--; }
        _hooks.Insert(at, (stage, hook));
    }

    /// <summary>Takes a batch point out; not from within one.</summary>
    public void RemoveIterationHook(IIterationHook hook) => _ = _hooks.RemoveAll(entry => entry.Hook == hook);

    /// <summary>To be awaited in a reactor task: resumes it in the timer phase after <paramref name="nanos"/>.</summary>
    public ReactorDelay Delay(long nanos)
    {
        DelaySource source = _freeDelays ?? new DelaySource(this);
        _freeDelays = source.NextFree;
        source.Start(NowNanos + nanos);
        return new ReactorDelay(source);
    }

    internal void Recycle(DelaySource source)
    {
        source.NextFree = _freeDelays;
        _freeDelays = source;
    }

    /// <summary>One iteration; never blocks.</summary>
    /// <returns>True when something was done or is to be done at once: call again before waiting.</returns>
    public bool RunOnce()
    {
        NowNanos = Clock.NowNanos;
        bool worked = Source.Poll();
        worked |= FireTimers();
        worked |= _mailbox.RunAll();
        worked |= RunQueued();
        foreach ((_, IIterationHook hook) in _hooks) { hook.OnIterationEnd(); }
        Source.Submit();
        return worked || !_runQueue.IsEmpty;
    }

    /// <summary>The production loop: iterations with waits between them, until <see cref="RequestStop"/>.</summary>
    public void Run()
    {
        SpinPolicy policy = new(Clock.NowNanos);
        while (!Volatile.Read(ref _stop))
        {
            if (RunOnce())
            {
                policy.OnWork(NowNanos);
                continue;
            }
            WaitStrategy strategy = Strategy;
            if (strategy is WaitStrategy.Busy) { continue; }
            if (policy.OnNothing(NowNanos, SpinNanos) && strategy is WaitStrategy.Adaptive)
            {
                // Without giving way, two reactors that share a core each burn the other's time slice.
                _ = Libc.sched_yield();
                policy.OnGaveWay(NowNanos, Clock.NowNanos);
                continue;
            }
            Sleep();
        }
    }

    /// <summary>Ends <see cref="Run"/> after the present iteration; from any thread.</summary>
    public void RequestStop()
    {
        Volatile.Write(ref _stop, true);
        WakeIfSleeping();
    }

    /// <summary>Blocks. A poster first puts its mail in place, then looks at the flag; we first raise the flag, then look for
    /// mail; a full fence lies between on both sides, so at least one of the two sees the other.</summary>
    private void Sleep()
    {
        Volatile.Write(ref _sleeping, true);
        Interlocked.MemoryBarrier();
        if (!_mailbox.HasMail && !Volatile.Read(ref _stop)) { Source.Wait(_timers.NextNanos); }
        Volatile.Write(ref _sleeping, false);
    }

    private void WakeIfSleeping()
    {
        Interlocked.MemoryBarrier();
        // The exchange lets only one of several posters pay for the system call.
        if (Volatile.Read(ref _sleeping) && Interlocked.Exchange(ref _sleeping, false)) { Source.Wake(); }
    }

    private bool FireTimers()
    {
        // Timers armed by timers wait for the next iteration, so that a zero delay cannot hold the loop.
        ulong end = _timers.NextSequence;
        bool fired = false;
        while (_timers.TryPopDue(NowNanos, end) is { } timer)
        {
            fired = true;
            timer.OnTimer(NowNanos);
        }
        return fired;
    }

    private bool RunQueued()
    {
        int count = _runQueue.Count; // what these enqueue is for the next iteration
        for (int i = 0; i < count; i++) { _runQueue.PopFront().Run(); }
        return count > 0;
    }
}

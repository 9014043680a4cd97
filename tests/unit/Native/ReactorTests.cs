using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Xunit;

namespace Fastblock.Tests.Unit.Native;

public sealed class ReactorTests
{
    private readonly ManualClock _clock = new();
    private readonly Reactor _reactor;
    private readonly List<string> _trace = [];

    public ReactorTests() =>
        _reactor = new Reactor(0, _clock, new Prng(1), new NullEventSource(), new BufferPool([(4096, 4)]));

    [Fact]
    public void Timers_fire_by_due_time_and_equal_ones_in_the_order_of_arming()
    {
        long start = _clock.NowNanos;
        Arm("b", start + 20);
        Arm("a", start + 10);
        Arm("c1", start + 30);
        Arm("c2", start + 30);
        Arm("late", start + 31);
        Assert.Equal(start + 10, _reactor.NextTimerNanos);
        _clock.NowNanos = start + 30;
        Assert.True(_reactor.RunOnce());
        Assert.Equal(["a", "b", "c1", "c2"], _trace);
        Assert.Equal(start + 31, _reactor.NextTimerNanos);
        Assert.False(_reactor.RunOnce());
    }

    [Fact]
    public void A_timer_can_be_moved_and_taken_away()
    {
        long start = _clock.NowNanos;
        CallbackTimer a = Arm("a", start + 10);
        CallbackTimer b = Arm("b", start + 20);
        _reactor.Arm(a, start + 30);
        _reactor.Disarm(b);
        _reactor.Disarm(b);
        Assert.False(b.IsArmed);
        _clock.NowNanos = start + 25;
        Assert.False(_reactor.RunOnce());
        _clock.NowNanos = start + 30;
        Assert.True(_reactor.RunOnce());
        Assert.Equal(["a"], _trace);
        Assert.Equal(long.MaxValue, _reactor.NextTimerNanos);
    }

    [Fact]
    public void A_timer_that_arms_itself_for_now_does_not_hold_the_loop()
    {
        int fired = 0;
        CallbackTimer timer = null!;
        timer = new CallbackTimer(now =>
        {
            fired++;
            _reactor.Arm(timer, now);
        });
        _reactor.Arm(timer, _clock.NowNanos);
        for (int i = 1; i <= 3; i++)
        {
            Assert.True(_reactor.RunOnce());
            Assert.Equal(i, fired);
        }
    }

    [Fact]
    public void Timers_agree_with_a_sorted_list_under_random_use()
    {
        Prng prng = new(11);
        List<(long Due, int Order, int Id)> model = [];
        List<int> fired = [];
        CallbackTimer[] timers = new CallbackTimer[200];
        for (int i = 0; i < timers.Length; i++)
        {
            int id = i;
            timers[i] = new CallbackTimer(_ => fired.Add(id));
        }
        for (int step = 0; step < 20_000; step++)
        {
            int id = prng.Below(timers.Length);
            if (prng.Below(3) > 0)
            {
                long due = _clock.NowNanos + prng.Below(1000);
                _ = model.RemoveAll(entry => entry.Id == id);
                model.Add((due, step, id));
                _reactor.Arm(timers[id], due);
            }
            else if (prng.Below(2) == 0)
            {
                _ = model.RemoveAll(entry => entry.Id == id);
                _reactor.Disarm(timers[id]);
            }
            else
            {
                _clock.NowNanos += prng.Below(200);
                fired.Clear();
                _ = _reactor.RunOnce();
                int[] expected = [.. model.Where(e => e.Due <= _clock.NowNanos).OrderBy(e => e.Due).ThenBy(e => e.Order).Select(e => e.Id)];
                _ = model.RemoveAll(entry => entry.Due <= _clock.NowNanos);
                Assert.Equal(expected, fired);
            }
            Assert.Equal(model.Count == 0 ? long.MaxValue : model.Min(e => e.Due), _reactor.NextTimerNanos);
        }
    }

    [Fact]
    public void One_iteration_goes_timers_mail_run_queue_hooks()
    {
        _reactor.AddIterationHook(new Hook(this, "hook1"));
        _reactor.AddIterationHook(new Hook(this, "hook2"));
        _reactor.Enqueue(new Item(this, "queued"));
        _reactor.Post(new Item(this, "posted"));
        Arm("timer", _clock.NowNanos);
        Assert.True(_reactor.HasWork);
        _ = _reactor.RunOnce();
        Assert.Equal(["timer", "posted", "queued", "hook1", "hook2"], _trace);
        Assert.False(_reactor.HasWork);
    }

    [Fact]
    public void What_a_runnable_enqueues_runs_in_the_next_iteration()
    {
        _reactor.Enqueue(new Item(this, "first", new Item(this, "second")));
        Assert.True(_reactor.RunOnce());
        Assert.Equal(["first"], _trace);
        Assert.True(_reactor.RunOnce());
        Assert.Equal(["first", "second"], _trace);
        Assert.False(_reactor.RunOnce());
    }

    [Fact]
    public void Posts_of_several_threads_all_run_in_each_ones_order()
    {
        const int PerThread = 20_000;
        int[] last = [-1, -1, -1];
        bool inOrder = true;
        Thread[] threads = new Thread[last.Length];
        for (int t = 0; t < threads.Length; t++)
        {
            int thread = t;
            threads[t] = new Thread(() =>
            {
                for (int i = 0; i < PerThread; i++)
                {
                    int value = i;
                    _reactor.Post(new Callback(() =>
                    {
                        inOrder &= last[thread] == value - 1;
                        last[thread] = value;
                    }));
                }
            });
            threads[t].Start();
        }
        while (last.Any(value => value < PerThread - 1)) { _ = _reactor.RunOnce(); }
        foreach (Thread thread in threads) { thread.Join(); }
        Assert.True(inOrder);
    }

    [Fact]
    public void An_idle_iteration_and_armed_timers_allocate_nothing()
    {
        CallbackTimer timer = new(_ => { });
        long least = long.MaxValue;
        // The run-time may allocate once on this thread while it compiles the loop better; an allocation per iteration shows in every window.
        for (int window = 0; window < 5 && least > 0; window++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 50_000; i++)
            {
                _reactor.Arm(timer, _clock.NowNanos + (i & 1));
                _ = _reactor.RunOnce();
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
    }

    private CallbackTimer Arm(string name, long due)
    {
        CallbackTimer timer = new(_ => _trace.Add(name));
        _reactor.Arm(timer, due);
        return timer;
    }

    private sealed class Item(ReactorTests test, string name, IRunnable? next = null) : IRunnable
    {
        public void Run()
        {
            test._trace.Add(name);
            if (next is not null) { test._reactor.Enqueue(next); }
        }
    }

    private sealed class Callback(Action action) : IRunnable
    {
        public void Run() => action();
    }

    private sealed class Hook(ReactorTests test, string name) : IIterationHook
    {
        public void OnIterationEnd() => test._trace.Add(name);
    }
}

using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Xunit;

namespace Fastblock.Tests.Unit.Native;

public sealed class ReactorTaskTests
{
    private readonly ManualClock _clock = new();
    private readonly Reactor _reactor;
    private readonly List<string> _trace = [];

    public ReactorTaskTests() =>
        _reactor = new Reactor(0, _clock, new Prng(1), new NullEventSource(), new BufferPool([(4096, 4)]));

    [Fact]
    public void Runs_at_once_up_to_the_first_wait_and_is_resumed_inline()
    {
        ReactorSignal<int> signal = new();
        ReactorTask task = WaitFor(signal);
        Assert.Equal(["before"], _trace);
        Assert.False(task.IsCompleted);
        signal.Set(7);
        Assert.Equal(["before", "got 7"], _trace);
        Assert.True(task.IsCompleted);
        task.Forget();
    }

    [Fact]
    public void A_signal_that_is_set_does_not_suspend_and_can_be_used_again_after_a_reset()
    {
        ReactorSignal<int> signal = new();
        signal.Set(1);
        WaitFor(signal).Start();
        signal.Reset();
        WaitFor(signal).Start();
        Assert.Equal(["before", "got 1", "before"], _trace);
        signal.Set(2);
        Assert.Equal("got 2", _trace[^1]);
    }

    [Fact]
    public void Results_and_exceptions_travel_through_nested_tasks()
    {
        ReactorSignal<int> signal = new();
        ReactorTask<int> outer = Outer(signal);
        signal.Set(20);
        Assert.True(outer.IsCompleted);
        Assert.Equal(42, outer.TakeResult());

        ReactorSignal<int> second = new();
        ReactorTask<int> failing = Outer(second);
        second.Set(-1);
        Assert.Equal("negative", Assert.Throws<ArgumentException>(() => failing.TakeResult()).Message);
    }

    [Fact]
    public void A_forgotten_failure_reaches_its_handler_or_comes_out_of_the_loop()
    {
        Exception? seen = null;
        ReactorSignal<int> signal = new();
        Outer(signal).Forget(error => seen = error);
        signal.Set(-1);
        _ = Assert.IsType<ArgumentException>(seen);

        FailLater().Start();
        _clock.NowNanos += 10;
        _ = Assert.Throws<ArgumentException>(() => _reactor.RunOnce());
        _ = Assert.Throws<ArgumentException>(() => FailNow().Forget());
    }

    [Fact]
    public void Delay_resumes_in_the_timer_phase_of_its_time()
    {
        Sleep(100, "a").Start();
        Sleep(50, "b").Start();
        _ = _reactor.RunOnce();
        Assert.Empty(_trace);
        _clock.NowNanos += 60;
        _ = _reactor.RunOnce();
        Assert.Equal(["b"], _trace);
        _clock.NowNanos += 60;
        _ = _reactor.RunOnce();
        Assert.Equal(["b", "a"], _trace);
    }

    [Fact]
    public void Foreign_awaitables_are_refused()
    {
        ReactorTask task = AwaitForeign();
        Assert.True(task.IsCompleted);
        _ = Assert.Throws<InvalidOperationException>(() => task.GetAwaiter().GetResult());
    }

    [Fact]
    public void A_hundred_thousand_waits_allocate_nothing()
    {
        ReactorSignal<int> ping = new();
        ReactorSignal<int> pong = new();
        long sum = 0;
        int waits = 0;
        Echo(ping, pong, 810_000).Start();
        for (int i = 0; i < 10_000; i++) { Step(waits++); }
        long expected = 10_000L * 9_999 / 2;
        Assert.Equal(0, Allocations.LeastOf(() =>
        {
            for (int i = 0; i < 100_000; i++)
            {
                expected += waits;
                Step(waits++);
            }
        }));
        Assert.Equal(expected + waits, sum); // every echo adds one

        void Step(int i)
        {
            pong.Reset();
            ping.Set(i);
            sum += pong.GetAwaiter().GetResult();
        }
    }

    [Fact]
    public void A_hundred_thousand_calls_of_async_methods_allocate_nothing_once_the_pools_are_warm()
    {
        ReactorSignal<int> signal = new();
        for (int i = 0; i < 1000; i++) { Call(); }
        Assert.Equal(0, Allocations.LeastOf(() =>
        {
            for (int i = 0; i < 100_000; i++) { Call(); }
        }));

        void Call()
        {
            signal.Reset();
            ReactorTask<int> task = Outer(signal);
            signal.Set(1);
            if (task.TakeResult() != 4) { throw new InvalidOperationException(); }
        }
    }

    private async ReactorTask WaitFor(ReactorSignal<int> signal)
    {
        _trace.Add("before");
        _trace.Add("got " + await signal);
    }

    private static async ReactorTask<int> Outer(ReactorSignal<int> signal)
    {
        int doubled = await Double(signal);
        return doubled + await Two();
    }

    private static async ReactorTask<int> Double(ReactorSignal<int> signal)
    {
        int value = await signal;
        return value >= 0 ? 2 * value : throw new ArgumentException("negative");
    }

#pragma warning disable CS1998 // completes synchronously on purpose
    private static async ReactorTask<int> Two() => 2;

    private static async ReactorTask FailNow() => throw new ArgumentException("now");
#pragma warning restore CS1998

    private async ReactorTask FailLater()
    {
        await _reactor.Delay(5);
        throw new ArgumentException("later");
    }

    private async ReactorTask Sleep(long nanos, string name)
    {
        await _reactor.Delay(nanos);
        _trace.Add(name);
    }

    private static async ReactorTask AwaitForeign()
    {
        ConfiguredTaskAwaitable foreign = Task.Delay(1).ConfigureAwait(false);
        await foreign;
    }

    private static async ReactorTask Echo(ReactorSignal<int> ping, ReactorSignal<int> pong, int count)
    {
        for (int i = 0; i < count; i++)
        {
            int value = await ping;
            ping.Reset();
            pong.Set(value + 1);
        }
    }
}

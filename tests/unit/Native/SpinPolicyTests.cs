using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Xunit;

namespace Fastblock.Tests.Unit.Native;

/// <summary>Goal: spinning where it pays, and nowhere else.</summary>
public sealed class SpinPolicyTests
{
    private const long Spin = 200 * Units.NanosPerMicro;
    private long _now = 5 * Units.NanosPerSecond;
    private readonly SpinPolicy _policy;

    public SpinPolicyTests() => _policy = new SpinPolicy(_now);

    [Fact]
    public void It_spins_through_short_pauses_for_the_spin_time_and_no_longer()
    {
        WorkAfter(50 * Units.NanosPerMicro);
        Assert.True(LooksFor(Spin - 1000));
        Assert.False(_policy.OnNothing(_now + Spin, Spin));
    }

    [Fact]
    public void Where_work_comes_seldom_it_sleeps_nearly_at_once()
    {
        WorkAfter(10 * Units.NanosPerMilli);
        Assert.True(_policy.OnNothing(_now + 1000, Spin));
        Assert.False(_policy.OnNothing(_now + (Spin / 16), Spin));
    }

    [Fact]
    public void A_pause_with_a_sleep_in_it_may_be_twice_as_long_and_it_spins_again()
    {
        WorkAfter(10 * Units.NanosPerMilli);
        WorkAfter((2 * Spin) - 1000);
        Assert.True(LooksFor(Spin - 1000));
    }

    [Fact]
    public void Now_and_then_the_core_may_be_taken_away()
    {
        for (int i = 0; i < 100; i++)
        {
            WorkAfter(40 * Units.NanosPerMilli);
            WorkAfter(50 * Units.NanosPerMicro);
            _policy.OnGaveWay(_now, _now + (3 * Units.NanosPerMilli));
            _now += 3 * Units.NanosPerMilli;
            WorkAfter(50 * Units.NanosPerMicro);
            WorkAfter(50 * Units.NanosPerMicro);
            Assert.True(LooksFor(Spin / 2));
        }
    }

    [Fact]
    public void Who_loses_the_core_again_and_again_sleeps_for_a_second_and_then_tries_again()
    {
        int lost = 0;
        do
        {
            Assert.True(++lost < 20, "a third of the time is lost and it still spins");
            _policy.OnGaveWay(_now, _now + (3 * Units.NanosPerMilli));
            _now += 3 * Units.NanosPerMilli;
            WorkAfter(6 * Units.NanosPerMilli);
            WorkAfter(50 * Units.NanosPerMicro);
        }
        while (_policy.OnNothing(_now + 1000, Spin));
        Assert.True(lost > 3, "a few losses are no reason");
        WorkAfter(500 * Units.NanosPerMilli);
        WorkAfter(50 * Units.NanosPerMicro);
        Assert.False(_policy.OnNothing(_now + 1000, Spin));
        WorkAfter(500 * Units.NanosPerMilli);
        WorkAfter(50 * Units.NanosPerMicro);
        Assert.True(_policy.OnNothing(_now + 1000, Spin));
    }

    [Fact]
    public void Short_turns_of_others_cost_nothing()
    {
        WorkAfter(50 * Units.NanosPerMicro);
        for (int i = 0; i < 10_000; i++)
        {
            _policy.OnGaveWay(_now, _now + (900 * Units.NanosPerMicro));
            _now += 900 * Units.NanosPerMicro;
            WorkAfter(50 * Units.NanosPerMicro);
        }
        WorkAfter(50 * Units.NanosPerMicro);
        Assert.True(LooksFor(Spin - 1000));
    }

    private void WorkAfter(long nanos)
    {
        _ = _policy.OnNothing(_now, Spin);
        _now += nanos;
        _policy.OnWork(_now);
    }

    private bool LooksFor(long nanos)
    {
        bool all = true;
        for (long t = 0; t <= nanos; t += 1000) { all &= _policy.OnNothing(_now + t, Spin); }
        return all;
    }
}

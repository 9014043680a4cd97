using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Harness;

/// <summary>Which kinds of trouble a seed has, and how often: weights of a draw, 0 = never.</summary>
internal sealed record NemesisPlan
{
    public int Kill { get; init; }
    public int PowerCut { get; init; }

    /// <summary>All nodes lose power at once.</summary>
    public int TotalPowerCut { get; init; }
    public int Pause { get; init; }
    public int Isolate { get; init; }
    public int CutOneWay { get; init; }
    public int CutPair { get; init; }
    public int SlowLink { get; init; }
    public int SlowDisk { get; init; }
    public int BreakConnections { get; init; }

    /// <summary>Mean time between two troubles.</summary>
    public long IntervalNanos { get; init; } = Units.NanosPerSecond / 2;

    /// <summary>Nodes that may be down at once; more only by <see cref="TotalPowerCut"/>.</summary>
    public int MaxDown { get; init; } = 1;

    public int TotalWeight => Kill + PowerCut + TotalPowerCut + Pause + Isolate + CutOneWay + CutPair + SlowLink + SlowDisk + BreakConnections;

    /// <summary>Swarm: every seed has another mix, so that each kind is sometimes alone, sometimes with others.</summary>
    public static NemesisPlan Draw(Prng prng, int maxDown)
    {
        int Weight() => prng.Below(2) == 0 ? 0 : 1 + prng.Below(4);
        return new NemesisPlan
        {
            Kill = Weight(),
            PowerCut = Weight(),
            TotalPowerCut = prng.Below(4) == 0 ? 1 : 0,
            Pause = Weight(),
            Isolate = Weight(),
            CutOneWay = Weight(),
            CutPair = Weight(),
            SlowLink = Weight(),
            SlowDisk = Weight(),
            BreakConnections = Weight(),
            IntervalNanos = prng.Between(100, 1500) * Units.NanosPerMilli,
            MaxDown = maxDown,
        };
    }

    /// <summary>For a run of minutes: quieter times between two troubles, in which logs turn round and leases are all that is used.</summary>
    public NemesisPlan ForLong(Prng prng) => this with { IntervalNanos = prng.Between(1, 20) * Units.NanosPerSecond };
}

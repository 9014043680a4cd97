using Fastblock.Native.Base;

namespace Fastblock.Tests.Unit.Client;

/// <summary>A clock that moves when the test says so.</summary>
internal sealed class ManualClock : IClock
{
    public long NowNanos { get; set; } = 1_000_000;
    public long WallMillis => NowNanos / Units.NanosPerMilli;
}

using Fastblock.Native.Base;

namespace Fastblock.Tests.Unit.Native;

/// <summary>A clock that stands still until it is told.</summary>
internal sealed class ManualClock : IClock
{
    public long NowNanos { get; set; } = 1_000_000;

    public long WallMillis => 0;
}

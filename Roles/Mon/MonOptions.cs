using Fastblock.Native.Base;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Mon;

/// <summary>Settings of a monitor; who it is stands on its device.</summary>
internal sealed record MonOptions
{
    /// <summary>Where to listen instead of the address that `mon mkfs` wrote; null = that one.</summary>
    public NetAddress? Listen { get; init; }

    /// <summary>An OSD that was silent for so long is down.</summary>
    public long OsdDownAfterNanos { get; init; } = 2 * Units.NanosPerSecond;

    /// <summary>An owner of an image that was not heard for so long does not keep others from taking it.</summary>
    public long OwnerTtlNanos { get; init; } = 10 * Units.NanosPerSecond;

    /// <summary>Interval of the leader's own checks.</summary>
    public long TickNanos { get; init; } = 200 * Units.NanosPerMilli;

    /// <summary>A watch is refused, or ended, by a monitor that has known no leader for so long: the watcher then finds another.</summary>
    public long LeaderlessNanos { get; init; } = 3 * Units.NanosPerSecond;

    /// <summary>Parts of an OSD in use, in percent, from which health warns, or calls it full.</summary>
    public int NearFullPercent { get; init; } = 85;
    public int FullPercent { get; init; } = 95;

    /// <summary>Election timeout of the monitors' own group.</summary>
    public long ElectionTimeoutNanos { get; init; } = 500 * Units.NanosPerMilli;
}

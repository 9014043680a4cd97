using System.Collections.Generic;
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

    /// <summary>An OSD that was silent for so long is put out: its data are made anew elsewhere. 0 = never.</summary>
    public long OsdOutAfterNanos { get; init; } = 600 * Units.NanosPerSecond;

    /// <summary>Silent OSDs are not put out when fewer than so many percent would be left in: then more is wrong than single OSDs, and
    /// the others could not hold everything.</summary>
    public int MinInPercent { get; init; } = 75;

    /// <summary>Targets of PGs are changed.</summary>
    public bool MovesPgs { get; init; } = true;

    /// <summary>PGs that are copied to, or from, one OSD at the same time.</summary>
    public int MaxRecoveries { get; init; } = 2;

    /// <summary>An owner of an image that was not heard for so long does not keep others from taking it.</summary>
    public long OwnerTtlNanos { get; init; } = 10 * Units.NanosPerSecond;

    /// <summary>Interval of the leader's own checks.</summary>
    public long TickNanos { get; init; } = 200 * Units.NanosPerMilli;

    /// <summary>A watch is refused, or ended, by a monitor that has known no leader for so long: the watcher then finds another.</summary>
    public long LeaderlessNanos { get; init; } = 3 * Units.NanosPerSecond;

    /// <summary>A monitor that has known no leader for so long asks the others who the monitors are now.</summary>
    public long SeekNanos { get; init; } = 2 * Units.NanosPerSecond;

    /// <summary>Whom it asks beside those that it remembers.</summary>
    public IReadOnlyList<NetAddress> Contacts { get; init; } = [];

    /// <summary>Parts of an OSD in use, in percent, from which health warns, or calls it full.</summary>
    public int NearFullPercent { get; init; } = 85;
    public int FullPercent { get; init; } = 95;

    /// <summary>Election timeout of the monitors' own group.</summary>
    public long ElectionTimeoutNanos { get; init; } = 500 * Units.NanosPerMilli;
}

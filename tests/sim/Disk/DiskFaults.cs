using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Disk;

/// <summary>How bad a disk is. Rates are chances per million requests; times are nanoseconds.</summary>
internal sealed record DiskFaults
{
    public long LatencyMinNanos { get; set; } = 20 * Units.NanosPerMicro;
    public long LatencyMaxNanos { get; set; } = 150 * Units.NanosPerMicro;

    /// <summary>Chance that a request takes up to <see cref="StallMaxNanos"/> more.</summary>
    public int StallPerMillion { get; set; }
    public long StallMaxNanos { get; set; } = 500 * Units.NanosPerMilli;

    /// <summary>Multiplies every latency: a disk that is going bad.</summary>
    public int SlowFactor { get; set; } = 1;

    /// <summary>Chance that a request fails with an I/O error and changes nothing.</summary>
    public int ErrorPerMillion { get; set; }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Checks;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>One or two of three OSDs have a smaller device than the other. Clients write all over images that fit on no small one
/// until they are told that there is no space; a small OSD is away for a while, so that the others get ahead of it; then everything
/// is trimmed. After that every replica must have all of the log, however full its device was when it came by:
/// a trim makes room only where it arrives, and with two small OSDs nothing is committed without one of them.</summary>
internal sealed class SmallOsdScenario(SimWorld world) : ClusterScenario(world, Shape)
{
    private int _zeroPercent = 5;

    public override int ZeroPercent => _zeroPercent;

    /// <summary>At the end little may be left: it must fit on the small ones.</summary>
    public override int ZeroSectors(int drawn) => _zeroPercent < 80 ? drawn : 32 * drawn;

    private static ClusterDraw Shape(ClusterDraw draw) => draw.WithSmallEntries() with
    {
        Osds = 3,
        Replicas = 3,
        Shards = 1,
        PgCount = Math.Min(draw.PgCount, 4),
        Images = 1,
        ObjectBytes = 4u << 20,
        ImageBytes = 48 * Units.MiB,
        LogBytes = 24 * Units.MiB,
        MaxOps = 4096,
        Depth = 4 + draw.Depth,
        MaxSectors = 250,
        ReadPercent = 20,
        TakeOverPerMillion = 0,
        KillClients = false,
        EmptyOneOsd = false,
        LossyFrames = false,
        SmallOsds = 1 + (draw.Depth % 2),
        SmallDiskBytes = (38 + draw.Depth) * Units.MiB,
    };

    /// <summary>Anywhere: every write takes a unit of its own.</summary>
    public override long HotSpot(ImageHistory image, int spot) => World.Prng.Between(0, image.SectorCount - 1);

    protected override void MakeTrouble()
    {
        // Leaders hear late that it is full: what is on its way by then is more than it has room for.
        for (int i = 0; i < Draw.SmallOsds; i++) { SlowDown(Osds[i], Millis(50, 150)); }
        World.RunFor(Millis(1000, 4000));
        for (int i = 0; i < Draw.SmallOsds; i++) { SlowDown(Osds[i], 0); }
        OsdNode small = Osds[World.Prng.Below(Draw.SmallOsds)];
        bool isKilled = World.Prng.Below(2) == 0;
        if (isKilled) { small.Host.Kill(); } else { World.Network.Isolate(small.Host); }
        World.RunFor(Millis(500, 15_000)); // in the end the monitors know that it is down
        if (isKilled) { small.Start(); } else { World.Network.HealAll(); }
        World.RunFor(Millis(1000, 3000));
        _zeroPercent = 80; // nothing but discards and reads from now on
        World.RunFor(Millis(6000, 8000));
    }

    private void SlowDown(OsdNode small, long nanos)
    {
        foreach (OsdNode other in Osds)
        {
            if (other == small) { continue; }
            World.Network.SlowDown(other.Host, small.Host, nanos);
            World.Network.SlowDown(small.Host, other.Host, nanos);
        }
    }

    private long Millis(int from, int to) => World.Prng.Between(from, to) * Units.NanosPerMilli;
}

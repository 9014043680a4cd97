using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>The worst moment for a device to come back empty. One replica is away while the two others acknowledge; then one of these
/// two loses its device and the other is cut off, so that a majority is up which has acknowledged everything between its
/// members' former lives, and remembers nothing of it:
/// <code>
///   stale      |----|        away        |------- back -------|----
///   emptied    |----------- acknowledges X empty, same uuid --|----
///   keeper     |----------- acknowledges |        away        |----
/// </code>
/// The stale and the emptied one must not serve anything until the keeper is back.</summary>
internal sealed class EmptiedOsdScenario(SimWorld world) : ClusterScenario(world, Shape)
{
    private readonly HashSet<SimHost> _away = [];

    private static ClusterDraw Shape(ClusterDraw draw) => draw.WithSmallEntries() with
    {
        Osds = 3,
        Replicas = 3,
        EmptyOneOsd = false,
        LossyFrames = false,
        KillClients = false,
        ReadPercent = 50,
        ZeroPercent = 0,
        TakeOverPerMillion = 0,
    };

    protected override void MakeTrouble()
    {
        Prng prng = World.Prng;
        int first = prng.Below(3);
        int second = (first + 1 + prng.Below(2)) % 3;
        OsdNode stale = Osds[first];
        OsdNode emptied = Osds[second];
        OsdNode keeper = Osds[3 - first - second];
        TakeAway(stale);
        World.RunFor(Millis(1500, 4000));
        if (prng.Below(2) == 0) { emptied.Host.CutPower(); } else { emptied.Host.Kill(); }
        emptied.EmptyDevice(sameUuid: true);
        TakeAway(keeper);
        World.RunFor(Millis(1, 500));
        BringBack(stale);
        emptied.Start();
        World.RunFor(Millis(5000, 8000));
        BringBack(keeper);
    }

    private long Millis(int from, int to) => World.Prng.Between(from, to) * Units.NanosPerMilli;

    private void TakeAway(OsdNode osd)
    {
        _ = _away.Add(osd.Host);
        switch (World.Prng.Below(3))
        {
            case 0: osd.Host.Kill(); break;
            case 1: osd.Host.CutPower(); break;
            default: World.Network.Isolate(osd.Host); break;
        }
    }

    private void BringBack(OsdNode osd)
    {
        _ = _away.Remove(osd.Host);
        foreach (SimHost other in World.Hosts)
        {
            if (other != osd.Host && !_away.Contains(other)) { World.Network.Heal(other, osd.Host); }
        }
        if (!osd.Host.IsRunning) { osd.Start(); }
    }
}

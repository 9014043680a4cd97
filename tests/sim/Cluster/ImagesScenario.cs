using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Osd;
using Fastblock.Storage.Objects;
using Fastblock.Tests.Sim.Checks;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>The cluster scenario, and an operator cuts images, lets them grow, removes them and makes new ones of the same name while
/// clients work on them and everything may break. No I/O may pass the end of an image when that is known everywhere; what
/// was cut off reads as zeros when the image has grown again; nothing of an image is ever seen in another one. At the end
/// no replica holds anything of an image that is gone, and when the pool is removed no OSD holds anything, not even one that
/// was away.</summary>
internal sealed class ImagesScenario(SimWorld world) : ClusterScenario(world, Shape)
{
    private readonly List<ImageKeeper> _keepers = [];
    private bool _troubleIsOver;

    public override bool KeepsImages => false;

    public override int BeyondEvery => 20;

    public override string Describe()
    {
        string text = base.Describe();
        foreach (ImageKeeper keeper in _keepers) { text += $"; {keeper}"; }
        return text;
    }

    private static ClusterDraw Shape(ClusterDraw draw) => draw.WithSmallEntries() with
    {
        EmptyOneOsd = false,
        // Small objects and not many: a cut must go through some and leave others out.
        ObjectBytes = 64u << 10,
        ImageBytes = (64 << 10) * (2 + (draw.Depth * 2)),
        Depth = Math.Min(draw.Depth, 4),
        MaxSectors = Math.Min(draw.MaxSectors, 100),
    };

    /// <summary>Where the image ends now, where it ended, and where objects and blocks do.</summary>
    public override long HotSpot(ImageHistory image, int spot)
    {
        long border = Draw.ObjectBytes / Units.SectorBytes;
        return (spot % 4) switch
        {
            0 => border * World.Prng.Between(0, image.SectorCount / border),
            1 => World.Prng.Between(0, image.SectorCount - 1),
            2 => image.SectorCount - 1,
            _ => image.SectorCount / 2,
        };
    }

    protected override void MakeTrouble()
    {
        foreach (SimImage image in Images)
        {
            var keeper = new ImageKeeper(this, image);
            _keepers.Add(keeper);
            keeper.Start();
        }
        ScheduleDeafness();
        base.MakeTrouble();
        _troubleIsOver = true;
    }

    /// <summary>An OSD and some clients hear of no change of the map for a while, and another OSD stands still, so that the one with the
    /// old map may lead, and clients with the old map ask it.</summary>
    private void ScheduleDeafness() => World.Schedule(Millis(50, 500), () =>
    {
        if (_troubleIsOver) { return; }
        Prng prng = World.Prng;
        int osd = prng.Below(Osds.Count);
        List<SimHost> deaf = [Osds[osd].Host];
        foreach (ClientNode client in Clients)
        {
            if (prng.Below(2) == 0) { deaf.Add(client.Host); }
        }
        foreach (SimHost host in deaf) { EachMon(mon => World.Network.CutBoth(host, mon)); }
        OsdNode other = Osds[(osd + 1 + prng.Below(Osds.Count - 1)) % Osds.Count];
        World.Schedule(Millis(100, 600), () =>
        {
            if (!_troubleIsOver) { other.Host.Process?.Pause(Millis(500, 2000)); }
        });
        World.Schedule(Millis(1000, 3000), () =>
        {
            foreach (SimHost host in deaf) { EachMon(mon => World.Network.Heal(host, mon)); }
            ScheduleDeafness();
        });
    });

    private void EachMon(Action<SimHost> action)
    {
        foreach (MonNode mon in Mons) { action(mon.Host); }
    }

    private long Millis(int from, int to) => World.Prng.Between(from, to) * Units.NanosPerMilli;

    protected override void Settle()
    {
        foreach (ImageKeeper keeper in _keepers) { keeper.Stop(); }
        Await("images as large as they may be", () => _keepers.TrueForAll(keeper => keeper.IsDone), 120 * Units.NanosPerSecond,
            () => string.Join(", ", _keepers));
        base.Settle();
        RequireNothingLeft();
        RemovePool();
    }

    /// <summary>Objects of images that are gone.</summary>
    private void RequireNothingLeft()
    {
        var live = new SortedSet<ulong>();
        foreach (ImageKeeper keeper in _keepers) { _ = live.Add(keeper.Life.Id); }
        int pending = Osds.Count;
        string left = "";
        foreach (OsdNode osd in Osds)
        {
            osd.Digest((pg, contents) =>
            {
                foreach (ObjectChecksum one in contents.Objects)
                {
                    if (one.Digest == contents.EmptyDigest || live.Contains(one.Object.Image.Value)) { continue; }
                    left += $" {osd.Host.Name} pg {pg}: image {one.Object.Image.Value} object {one.Object.Index}";
                }
            }, () => pending--);
        }
        Await("all objects listed", () => pending == 0, 30 * Units.NanosPerSecond);
        Require(left.Length == 0, $"left of images that are gone:{left}");
    }

    /// <summary>One OSD is away when the pool goes: its room comes back when it does.</summary>
    private void RemovePool()
    {
        OsdNode away = Osds[World.Prng.Below(Osds.Count)];
        away.Host.CutPower();
        var admin = new AdminNode(this);
        admin.Start();
        foreach (SimImage image in Images)
        {
            _ = admin.Command("image rm", new ControlRequest { ImageRemove = new ImageRemoveRequest { Pool = PoolName, Name = image.Name } });
        }
        _ = admin.Command("pool rm", new ControlRequest { PoolRemove = new PoolRemoveRequest { Name = PoolName } });
        admin.Stop();
        if (!away.Host.IsRunning) { away.Start(); }
        Await("no OSD holds anything of the pool", () => HeldBytes() == 0, 60 * Units.NanosPerSecond, () => $"{HeldBytes()} bytes held");
    }

    private long HeldBytes()
    {
        long held = 0;
        foreach (OsdNode osd in Osds)
        {
            if (osd.Server is null) { return -1; }
            foreach (OsdShard shard in osd.Server.Shards) { held += shard.Objects.HeldBytes + shard.Pgs.Count; }
        }
        return held;
    }
}

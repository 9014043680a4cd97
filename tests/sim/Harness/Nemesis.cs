using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.Network;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Harness;

/// <summary>Makes trouble at random moments, each followed by its end some time later, until told to stop.</summary>
internal sealed class Nemesis(SimWorld world, IReadOnlyList<ISimNode> nodes, NemesisPlan plan)
{
    private readonly Prng _prng = world.Prng.Fork();

    /// <summary>It makes no trouble any more.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Troubles made so far.</summary>
    public int Count { get; private set; }

    /// <summary>The nodes that are down at present.</summary>
    public int Down
    {
        get
        {
            int down = 0;
            foreach (ISimNode node in nodes) { down += node.Host.IsRunning ? 0 : 1; }
            return down;
        }
    }

    public void Begin()
    {
        if (plan.TotalWeight > 0) { ScheduleNext(); }
    }

    /// <summary>The end of all trouble: links, disks and nodes work again from now on.</summary>
    public void HealAll()
    {
        IsOver = true;
        world.Network.HealAll();
        world.Network.Faults = new NetFaults();
        world.StallPerMillion = 0;
        foreach (ISimNode node in nodes)
        {
            foreach (SimDisk disk in node.Host.Disks) { disk.Faults = new DiskFaults(); }
            if (!node.Host.IsRunning) { node.Start(); }
        }
    }

    private void ScheduleNext() => world.Schedule(_prng.Between(plan.IntervalNanos / 4, plan.IntervalNanos * 7 / 4), () =>
    {
        if (IsOver) { return; }
        Strike();
        ScheduleNext();
    });

    private void Strike()
    {
        Count++;
        int draw = _prng.Below(plan.TotalWeight);
        ISimNode node = nodes[_prng.Below(nodes.Count)];
        ISimNode other = nodes[_prng.Below(nodes.Count)];
        if (Draws(plan.Kill)) { TakeDown(node, powerCut: false); }
        else if (Draws(plan.PowerCut)) { TakeDown(node, powerCut: true); }
        else if (Draws(plan.TotalPowerCut)) { CutAllPower(); }
        else if (Draws(plan.Pause)) { node.Host.Process?.Pause(Duration(3000)); }
        else if (Draws(plan.Isolate)) { ForAWhile(() => world.Network.Isolate(node.Host), () => HealAround(node), 4000); }
        else if (Draws(plan.CutOneWay)) { ForAWhile(() => world.Network.Cut(node.Host, other.Host), () => world.Network.Heal(node.Host, other.Host), 4000); }
        else if (Draws(plan.CutPair)) { ForAWhile(() => world.Network.CutBoth(node.Host, other.Host), () => world.Network.Heal(node.Host, other.Host), 4000); }
        else if (Draws(plan.SlowLink)) { SlowLink(node.Host, other.Host); }
        else if (Draws(plan.SlowDisk)) { SlowDisk(node.Host); }
        else { BreakConnections(node.Host); }

        bool Draws(int weight)
        {
            bool hit = draw >= 0 && draw < weight;
            draw -= weight;
            return hit;
        }
    }

    private long Duration(int maxMillis) => _prng.Between(1, maxMillis) * Units.NanosPerMilli;

    private void ForAWhile(Action begin, Action end, int maxMillis)
    {
        begin();
        world.Schedule(Duration(maxMillis), end);
    }

    private void HealAround(ISimNode node)
    {
        foreach (SimHost host in world.Hosts)
        {
            if (host != node.Host && (world.Network.IsCut(host, node.Host) || world.Network.IsCut(node.Host, host))) { world.Network.Heal(host, node.Host); }
        }
    }

    private void TakeDown(ISimNode node, bool powerCut)
    {
        if (!node.Host.IsRunning || Down >= plan.MaxDown) { return; }
        if (powerCut) { node.Host.CutPower(); } else { node.Host.Kill(); }
        Restart(node, 4000);
    }

    private void CutAllPower()
    {
        foreach (ISimNode node in nodes)
        {
            if (!node.Host.IsRunning) { continue; }
            node.Host.CutPower();
            Restart(node, 3000);
        }
    }

    private void Restart(ISimNode node, int maxMillis) => world.Schedule(Duration(maxMillis), () =>
    {
        if (!node.Host.IsRunning) { node.Start(); }
    });

    private void SlowLink(SimHost from, SimHost to)
    {
        world.Network.SlowDown(from, to, _prng.Between(1, 200) * Units.NanosPerMilli);
        world.Schedule(Duration(4000), () => world.Network.SlowDown(from, to, 0));
    }

    private void SlowDisk(SimHost host)
    {
        foreach (SimDisk disk in host.Disks)
        {
            int factor = 1 + _prng.Below(200);
            disk.Faults.SlowFactor = factor;
            world.Schedule(Duration(3000), () => disk.Faults.SlowFactor = 1);
        }
    }

    private void BreakConnections(SimHost host)
    {
        if (host.Process == null) { return; }
        foreach (SimSeat seat in host.Process.Seats)
        {
            foreach (SimConnection connection in seat.Transport.Connections)
            {
                if (_prng.Chance(500_000)) { connection.Break(); }
            }
        }
    }
}

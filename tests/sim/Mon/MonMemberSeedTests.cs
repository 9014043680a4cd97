using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim.Mon;

/// <summary>Goal: monitors can be added, removed and replaced at any moment, whatever happens to any one of them meanwhile: an
/// acknowledged command is done once and stays, no id is given twice, and all end with the same store and the same list of monitors.
/// Method: one operator adds and removes at random; monitors are killed, cut off, paused and lose power one at a time; then everything
/// heals.</summary>
public sealed class MonMemberSeedTests
{
    private const int MostMons = 5;

    public static TheoryData<ulong> Seeds()
    {
        TheoryData<ulong> seeds = [];
        foreach (ulong seed in SimRunner.Seeds(2000, 2019)) { seeds.Add(seed); }
        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Monitors_come_and_go_under_any_single_trouble(ulong seed)
    {
        using MonWorld world = new(seed, seed % 3 == 0 ? 1 : 3);
        Prng prng = world.Sim.Prng.Fork();
        world.StartAll();
        SortedDictionary<uint, List<ControlReply>> commands = [];
        List<(MonNode Node, List<ControlReply> Answer)> removals = [];
        uint next = 0;
        for (int round = 0; round < 40; round++)
        {
            for (int i = prng.Below(3); i > 0; i--, next++) { commands.Add(next, world.Begin(MonWorld.NewOsdRequest(next), 300)); }
            if (prng.Below(4) == 0) { Change(world, prng, removals); }
            world.Sim.RunFor(prng.Between(1, 600) * Units.NanosPerMilli);
            Trouble(world, prng);
        }
        Heal(world);
        world.Require(() => commands.Values.All(box => box.Count > 0) && removals.TrueForAll(removal => removal.Answer.Count > 0), "all commands end", 350);
        foreach ((MonNode node, List<ControlReply> answer) in removals)
        {
            if (answer[0].Status is ControlStatus.StatusOk) { world.RequireEnded(node); }
        }
        world.RequireMembers([.. world.Mons.Where(mon => mon.Removed.Length == 0)]);
        world.RequireConverged();
        SortedSet<uint> ids = [];
        foreach (List<ControlReply> box in commands.Values)
        {
            Assert.Equal(ControlStatus.StatusOk, box[0].Status);
            Assert.True(ids.Add(box[0].OsdNewResult.Id), "an id was given out twice");
        }
        Assert.Equal(commands.Count, world.Client.Map.OsdCount);
        Assert.Equal(world.Mons.Count, world.Mons.Select(mon => mon.Id).Distinct().Count());
        foreach (MonNode mon in world.Mons.Where(mon => mon.Removed.Length == 0))
        {
            Assert.True(mon.Server!.Store.Map.Cluster!.Mons.All(known => world.Mons.Exists(node => node.Address == known.Address)));
        }
    }

    private static void Change(MonWorld world, Prng prng, List<(MonNode Node, List<ControlReply> Answer)> removals)
    {
        List<MonNode> staying = world.Mons.FindAll(mon => mon.Removed.Length == 0 && !removals.Exists(removal => removal.Node == mon));
        if (staying.Count < MostMons && (staying.Count < 2 || prng.Below(2) == 0))
        {
            Heal(world); // registering needs an answer; what follows it does not
            MonNode added = world.Add();
            Assert.Equal("", added.Refusal);
            if (prng.Below(3) > 0) { added.Start(); }
            return;
        }
        if (staying.Count < 2) { return; }
        MonNode leaving = staying[prng.Below(staying.Count)];
        removals.Add((leaving, world.Begin(new ControlRequest { MonRemove = new MonRemoveRequest { Id = leaving.Id, Force = prng.Below(4) == 0 } }, 300)));
    }

    private static void Trouble(MonWorld world, Prng prng)
    {
        MonNode mon = world.Mons[prng.Below(world.Mons.Count)];
        bool isQuiet = mon.Server is not null && world.Mons.TrueForAll(node => node.Server is not null || node.Removed.Length > 0);
        switch (prng.Below(7))
        {
            case 0 when isQuiet:
                mon.Kill();
                break;
            case 1 when isQuiet:
                mon.CutPower();
                break;
            case 2 when isQuiet:
                world.Sim.Network.HealAll();
                world.Sim.Network.Isolate(mon.Host);
                break;
            case 3 when isQuiet:
                mon.Host.Process!.Pause(prng.Between(1, 3000) * Units.NanosPerMilli);
                break;
            case 4 when isQuiet:
                MonNode other = world.Mons[prng.Below(world.Mons.Count)];
                if (other != mon) { world.Sim.Network.Cut(mon.Host, other.Host); }
                break;
            default:
                Heal(world);
                break;
        }
    }

    private static void Heal(MonWorld world)
    {
        world.Sim.Network.HealAll();
        foreach (MonNode mon in world.Mons)
        {
            if (mon.Server is null && mon.Removed.Length == 0) { mon.Start(); }
        }
    }
}

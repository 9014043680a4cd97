using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Tests.Sim.Harness;
using Xunit;

namespace Fastblock.Tests.Sim.Mon;

/// <summary>Goal: an acknowledged command is done once, survives anything that a minority may suffer, and all monitors hold the same
/// store. Method: commands at random while monitors are killed, cut off, paused and lose power one at a time; then
/// everything heals, and the map must hold exactly what was acknowledged.</summary>
public sealed class MonSeedTests
{
    public static TheoryData<ulong> Seeds()
    {
        TheoryData<ulong> seeds = [];
        foreach (ulong seed in SimRunner.Seeds(1000, 1029)) { seeds.Add(seed); }
        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Acknowledged_commands_survive_any_single_trouble(ulong seed)
    {
        using MonWorld world = new(seed, 3);
        Prng prng = world.Sim.Prng.Fork();
        world.StartAll();
        SortedDictionary<uint, List<ControlReply>> commands = [];
        uint next = 0;
        for (int round = 0; round < 25; round++)
        {
            for (int i = prng.Below(4); i > 0; i--, next++) { commands.Add(next, world.Begin(MonWorld.NewOsdRequest(next), 120)); }
            world.Sim.RunFor(prng.Between(1, 400) * Units.NanosPerMilli);
            Trouble(world, prng);
        }
        Heal(world);
        world.Require(() => commands.Values.All(box => box.Count > 0), "all commands end", 150);
        world.RequireConverged();
        SortedSet<uint> ids = [];
        foreach (List<ControlReply> box in commands.Values)
        {
            Assert.Equal(ControlStatus.StatusOk, box[0].Status);
            Assert.True(ids.Add(box[0].OsdNewResult.Id), "an id was given out twice");
        }
        Assert.Equal(commands.Count, world.Client.Map.OsdCount);
    }

    private static void Trouble(MonWorld world, Prng prng)
    {
        MonNode mon = world.Mons[prng.Below(world.Mons.Count)];
        MonNode? down = world.Mons.Find(node => node.Server is null);
        switch (prng.Below(6))
        {
            case 0 when down is null:
                mon.Kill();
                break;
            case 1 when down is null:
                mon.CutPower();
                break;
            case 2 when down is null:
                world.Sim.Network.HealAll();
                world.Sim.Network.Isolate(mon.Host);
                break;
            case 3 when down is null:
                mon.Host.Process!.Pause(prng.Between(1, 3000) * Units.NanosPerMilli);
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
            if (mon.Server is null) { mon.Start(); }
        }
    }
}

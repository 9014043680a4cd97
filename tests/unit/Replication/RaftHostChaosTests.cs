using System;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Network;
using Xunit;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>Goal: whatever is acknowledged stays, and all replicas apply the same. Method: propose at random while nodes crash,
/// lose power, pause and are cut off, the network loses, doubles and reorders frames, and the small logs are cleaned; then
/// heal, settle and compare.</summary>
public sealed class RaftHostChaosTests
{
    public static TheoryData<ulong> Seeds()
    {
        TheoryData<ulong> seeds = new();
        int count = int.TryParse(Environment.GetEnvironmentVariable("FASTBLOCK_SEEDS"), out int n) ? n : 25;
        ulong first = ulong.TryParse(Environment.GetEnvironmentVariable("FASTBLOCK_SEED"), out ulong s) ? s : 1000;
        for (ulong i = 0; i < (ulong)count; i++) { seeds.Add(first + i); }
        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Acknowledged_entries_survive_and_replicas_agree(ulong seed)
    {
        Prng prng = new(seed);
        bool small = prng.Chance(500_000);
        using ReplicaWorld world = new(seed, diskBytes: small ? 4 * Units.MiB : 32 * Units.MiB)
        {
            SegmentBytes = small ? 256 * 1024 : (int)Units.MiB,
            Lease = prng.Chance(700_000),
            Preferred = prng.Chance(500_000) ? new(1) : Fastblock.Raft.NodeId.None,
        };
        NetFaults faults = world.Sim.Network.Faults;
        if (prng.Chance(500_000)) { faults.FrameLossPerMillion = 20_000; }
        if (prng.Chance(500_000)) { faults.FrameDoublePerMillion = 20_000; }
        if (prng.Chance(500_000)) { faults.FrameOvertakenPerMillion = 20_000; }
        if (prng.Chance(500_000)) { faults.ResetPerMillion = 2_000; }
        if (prng.Chance(300_000)) { faults.LatePerMillion = 10_000; }
        if (prng.Chance(300_000)) { world.Sim.StallPerMillion = 2_000; }
        world.StartAll();
        Assert.True(world.Sim.RunUntil(() => AllOpen(world), 20 * Units.NanosPerSecond));
        ulong stamp = 0;
        for (int step = 0; step < 1500; step++)
        {
            world.Sim.RunFor(prng.Between(0, 20 * Units.NanosPerMilli));
            foreach (ReplicaNode node in world.Nodes)
            {
                if (node.IsUp && node.Groups.Count > 0 && node.Groups[0].IsLeader && prng.Chance(700_000))
                {
                    _ = world.Propose(node, ++stamp, blocks: prng.Below(6));
                }
            }
            Disturb(world, prng, small);
        }
        Heal(world);
        world.Settle(seconds: 60);
        world.CheckAgreement();
        Assert.True(world.Acknowledged.Count > 20, $"only {world.Acknowledged.Count} acknowledged");
        foreach (ReplicaNode node in world.Nodes) { Assert.Equal(0UL, node.Machine.Reservations); }
    }

    private static void Disturb(ReplicaWorld world, Prng prng, bool small)
    {
        ReplicaNode victim = world.Nodes[prng.Below(3)];
        if (prng.Chance(4_000) && victim.SimHost.IsRunning)
        {
            world.Save(victim);
            if (prng.Chance(500_000)) { victim.Kill(); } else { victim.CutPower(); }
        }
        if (prng.Chance(15_000) && !victim.SimHost.IsRunning) { victim.Start(format: false); }
        if (prng.Chance(4_000)) { world.Sim.Network.Isolate(victim.SimHost); }
        if (prng.Chance(4_000)) { world.Sim.Network.Cut(victim.SimHost, world.Nodes[prng.Below(3)].SimHost); }
        if (prng.Chance(12_000)) { world.Sim.Network.HealAll(); }
        if (prng.Chance(2_000) && victim.SimHost.Process is { } process) { process.Pause(prng.Between(0, Units.NanosPerSecond)); }
        _ = small;
    }

    private static void Heal(ReplicaWorld world)
    {
        world.Sim.Network.HealAll();
        world.Sim.Network.Faults = new NetFaults();
        world.Sim.StallPerMillion = 0;
        foreach (ReplicaNode node in world.Nodes)
        {
            if (!node.SimHost.IsRunning) { node.Start(format: false); }
        }
    }

    private static bool AllOpen(ReplicaWorld world)
    {
        foreach (ReplicaNode node in world.Nodes)
        {
            if (!node.IsUp || node.Created == 0) { return false; }
        }
        return true;
    }
}

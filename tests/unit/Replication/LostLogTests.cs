using System;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Xunit;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>A replica whose log lost records says so after every restart, until its state has been handed over; and then never
/// again.</summary>
public sealed class LostLogTests
{
    private const long LogStart = 2 * 64 * 1024;

    [Fact]
    public void Damage_that_was_repaired_keeps_nobody_from_voting_after_a_power_cut_of_all()
    {
        using ReplicaWorld world = new(31);
        Fill(world);
        foreach (ReplicaNode node in new[] { world.Nodes[0], world.Nodes[1] })
        {
            world.Save(node);
            node.Kill();
            Rot(node, batch: 20);
            node.Start(format: false);
            Require(world, () => node.Group is not null && node.Machine.IsCorrupted, "the damage is not noticed");
            world.Settle();
            Assert.False(node.Group!.IsCorrupted);
        }
        foreach (ReplicaNode node in world.Nodes)
        {
            world.Save(node);
            node.CutPower();
        }
        world.StartAll(format: false);
        _ = world.WaitForLeader();
        world.Settle();
        Assert.All(world.Nodes, node => Assert.False(node.Machine.IsCorrupted));
        Assert.All(world.Nodes, node => Assert.Equal(world.Nodes[2].Machine.Applied, node.Machine.Applied));
    }

    /// <summary>Its term and vote may be among what was lost: it must not be found in a term in which it may have voted, neither
    /// at once nor after it was supplied anew.</summary>
    [Fact]
    public void After_damage_it_is_in_a_term_in_which_it_can_not_have_voted_before()
    {
        using ReplicaWorld world = new(34);
        Fill(world);
        for (int i = 0; i < 70; i++)
        {
            ReplicaNode from = world.WaitForLeader();
            NodeId to = new((from.Id.Value + 1) % 3);
            from.Seat.Do(() => Assert.Equal(Errno.None, from.Group!.TransferLeadership(to)));
            Require(world, () => world.Leader()?.Id == to, "the leadership is not handed on");
            Assert.All(world.Nodes, n => Assert.True(n.Group!.Term.Value <= n.Log!.TermCeiling));
        }
        world.Settle();
        ReplicaNode node = world.Nodes[1];
        Term before = node.Group!.Term;
        Assert.True(before.Value > 64, "the ceiling was never reached");
        world.Save(node);
        node.Kill();
        Rot(node, batch: 20);
        world.Sim.Network.Isolate(node.SimHost);
        node.Start(format: false);
        Require(world, () => node.Group is not null && node.Machine.IsCorrupted, "the damage is not noticed");
        ulong ceiling = node.Log!.TermCeiling;
        Assert.True(ceiling >= before.Value);
        Assert.Equal(ceiling, node.Group!.Term.Value);
        world.Sim.Network.HealAll();
        Require(world, () => !node.Group.IsCorrupted && node.Group.Term.Value > ceiling, "it is not supplied anew in a newer term");
        world.Settle();
        world.Save(node);
        node.CutPower();
        node.Start(format: false);
        Require(world, () => node.Group is not null, "it does not start");
        Assert.True(node.Group!.Term.Value > ceiling);
        world.Settle();
        world.CheckAgreement();
    }

    [Fact]
    public void A_power_cut_while_damage_is_noted_hides_none_of_it()
    {
        using ReplicaWorld world = new(32);
        Fill(world);
        ReplicaNode node = world.Nodes[0];
        world.Save(node);
        node.Kill();
        for (ulong batch = 12; batch < 36; batch += 2) { Rot(node, batch); }
        world.Sim.Network.Isolate(node.SimHost); // nobody repairs it
        for (int i = 0; i < 60; i++)
        {
            node.Start(format: false);
            world.Sim.RunFor((i % 30) * 40_000);
            node.CutPower();
        }
        node.Start(format: false);
        Require(world, () => node.Group is not null && node.Machine.IsCorrupted, "the damage is forgotten");
        Assert.False(node.Log!.IsDamaged);
        Assert.True(node.Group!.IsCorrupted);
    }

    [Fact]
    public void A_loss_that_the_cleaner_finds_in_a_full_log_is_known_after_a_restart()
    {
        using ReplicaWorld world = new(33, diskBytes: 4 * Units.MiB)
        {
            SegmentBytes = 256 * 1024,
            LogOptions = new() { WriteSlots = 40 },
        };
        Fill(world);
        ReplicaNode node = world.Nodes[0];
        world.Sim.Network.Isolate(node.SimHost);
        bool full = false;
        node.Seat.Do(() =>
        {
            KvBatch batch = new();
            foreach (int bytes in new[] { 30 * 1024, 16 }) // the small ones fill what is left of the last segment
            {
                batch.Clear();
                Assert.True(batch.TryPut("z"u8, new byte[bytes]));
                Errno status;
                while ((status = node.Log!.TryAppendKv(batch.Body, cleaning: false, null, out _, out _)) == Errno.None) { }
                full = status == Errno.NoSpace;
            }
            node.Host!.OnEntryLost(node.Group!.Id, 3);
            Assert.Equal(Errno.None, node.Host.SaveLosses());
        });
        world.Sim.RunFor(Units.NanosPerSecond);
        Assert.True(full, "the log is not full");
        world.Save(node);
        node.Kill();
        node.Start(format: false);
        Require(world, () => node.Group is not null && node.Machine.IsCorrupted, "the loss is forgotten");
    }

    private static void Fill(ReplicaWorld world)
    {
        world.StartAll();
        ReplicaNode leader = world.WaitForLeader();
        for (ulong i = 1; i <= 60; i++)
        {
            _ = world.Propose(leader, i, blocks: 1);
            world.Sim.RunFor(2 * Units.NanosPerMilli);
        }
        world.Settle();
    }

    private static void Require(ReplicaWorld world, Func<bool> condition, string otherwise) =>
        Assert.True(world.Sim.RunUntil(condition, 10 * Units.NanosPerSecond), otherwise);

    /// <summary>Makes a batch in the middle of the node's log unreadable for good.</summary>
    private static void Rot(ReplicaNode node, ulong batch)
    {
        byte[] block = new byte[Units.BlockBytes];
        for (long at = LogStart; at < node.Disk.SizeBytes; at += Units.BlockBytes)
        {
            node.Disk.Peek(at, block);
            if (!BatchHeader.TryRead(block, out BatchHeader header) || header.Sequence != batch) { continue; }
            block[40] ^= 4;
            node.Disk.Poke(at, block);
            return;
        }
        throw new InvalidOperationException($"no batch {batch}");
    }
}

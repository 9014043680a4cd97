using System;
using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>Goal: Raft's safety properties hold whatever happens, and a healed group makes progress. Method: random steps with
/// loss, duplication, reordering, crashes that lose unsynced writes, slow disks, cuts and drifting clocks; checkers after every
/// step (<see cref="RaftNet"/>).</summary>
public sealed class RaftClusterTests
{
    public static TheoryData<ulong> Seeds()
    {
        TheoryData<ulong> seeds = new();
        int count = int.TryParse(Environment.GetEnvironmentVariable("FASTBLOCK_SEEDS"), out int n) ? n : 300;
        ulong first = ulong.TryParse(Environment.GetEnvironmentVariable("FASTBLOCK_SEED"), out ulong s) ? s : 1;
        for (ulong i = 0; i < (ulong)count; i++) { seeds.Add(first + i); }
        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Safety_holds_under_faults_and_progress_follows_healing(ulong seed) => RunSeed(seed);

    /// <summary>The checkers are worth something: each defect is found within a few hundred seeds.</summary>
    [Theory]
    [InlineData(SabotageKind.VoteNotPersisted)]
    [InlineData(SabotageKind.AckBeforeDurable)]
    [InlineData(SabotageKind.LeaseWithoutDriftBound)]
    [InlineData(SabotageKind.ReadWithoutLease)]
    public void A_broken_variant_is_caught(object kind)
    {
        Sabotage.Use((SabotageKind)kind);
        Invariant.ThrowsOnThisThread = true;
        try
        {
            for (ulong seed = 1; seed <= 2000; seed++)
            {
                try { RunSeed(seed); }
                catch (Exception e) when (e is Xunit.Sdk.XunitException or InvariantViolation) { return; }
            }
        }
        finally
        {
            Sabotage.Use(SabotageKind.None);
            Invariant.ThrowsOnThisThread = false;
            Invariant.FirstViolation = null;
        }
        Assert.Fail("not caught");
    }

    private static void RunSeed(ulong seed)
    {
        Prng prng = new(seed);
        int voters = prng.Below(3) switch { 0 => 1, 1 => 3, _ => 5 };
        RaftNet net = new(seed, voters, learners: prng.Below(2), preferred: prng.Chance(500_000) ? 0 : uint.MaxValue)
        {
            Lease = prng.Chance(800_000),
            WindowEntries = prng.Chance(500_000) ? 2 : 64,
        };
        foreach (RaftPeer peer in net.Peers)
        {
            // Within the drift that the leases allow for: 10 ms in 100 ms, so 5 % each way.
            peer.DriftPpm = prng.Between(-40_000, 40_000);
            peer.ClockOffset = prng.Between(0, 1_000_000) * RaftNet.Milli;
        }
        net.StartAll();
        int loss = prng.Below(100_000), doubling = prng.Below(100_000), crash = prng.Below(3_000), slowDisk = prng.Below(900_000);
        int pause = prng.Chance(500_000) ? 700 : 0;
        ulong value = 0;
        for (int step = 0; step < 6_000; step++)
        {
            RaftPeer peer = net.Peers[prng.Below(net.Peers.Count)];
            if (!peer.IsPaused) { Act(net, prng, peer, ref value, loss, doubling, slowDisk); }
            if (prng.Chance(pause)) { peer.PausedUntil = net.Now + prng.Between(0, 400 * RaftNet.Milli); }
            if (prng.Chance(crash) && peer.IsUp) { peer.Crash(prng.Below(peer.PendingWrites + 1)); }
            if (!peer.IsUp && prng.Chance(50_000)) { peer.Start(); }
            if (prng.Chance(2_000))
            {
                uint a = (uint)prng.Below(net.Peers.Count), b = (uint)prng.Below(net.Peers.Count);
                net.IsCut = (from, to) => from.Value == a || (to.Value == a && from.Value == b);
            }
            if (prng.Chance(4_000)) { net.IsCut = (_, _) => false; }
            net.CheckLeases();
            if (step % 50 == 0) { net.CheckLogs(); }
        }
        HealAndFinish(net, value);
    }

    private static void Act(RaftNet net, Prng prng, RaftPeer peer, ref ulong value, int loss, int doubling, int slowDisk)
    {
        switch (prng.Below(8))
        {
            case 0: net.Now += prng.Between(0, 4 * RaftNet.Milli); break;
            case 1: peer.Tick(); break;
            case 2: _ = peer.Propose(++value); break;
            case 3: if (peer.IsUp && !prng.Chance(slowDisk)) { peer.Sync(prng.Below(4)); } break;
            case 4: peer.Flush(); break;
            case 5: if (peer.IsUp && prng.Chance(100_000)) { _ = peer.ReadIndex(value); } break;
            case 6: if (peer.IsUp && prng.Chance(10_000)) { _ = peer.Transfer(net.Peers[prng.Below(net.Peers.Count)].Id); } break;
            default: DeliverSome(net, prng, loss, doubling); break;
        }
    }

    private static void DeliverSome(RaftNet net, Prng prng, int loss, int doubling)
    {
        for (int n = prng.Below(40); n > 0 && net.Letters.Count > 0; n--)
        {
            int at = prng.Chance(300_000) ? prng.Below(net.Letters.Count) : 0;
            if (net.Peers[(int)net.Letters[at].Message.To.Value].IsPaused) { continue; }
            if (prng.Chance(loss)) { net.Letters.RemoveAt(at); }
            else
            {
                if (prng.Chance(doubling)) { net.Letters.Add(net.Letters[at]); }
                net.Deliver(at);
            }
        }
    }

    private static void HealAndFinish(RaftNet net, ulong value)
    {
        net.IsCut = (_, _) => false;
        foreach (RaftPeer peer in net.Peers)
        {
            peer.PausedUntil = 0;
            if (!peer.IsUp) { peer.Start(); }
        }
        RaftPeer leader = net.Elect();
        for (int i = 0; i < 200 && !leader.Propose(value + 1_000_000); i++)
        {
            net.Run(5);
            leader = net.Elect();
        }
        net.Run(500);
        net.CheckLogs();
        leader = net.Elect();
        foreach (RaftPeer peer in net.Peers)
        {
            Assert.Equal(leader.Node.Log.LastIndex, peer.Node.Commit);
            Assert.Equal(leader.Log, peer.Log);
            Assert.Equal(0, peer.Violations);
        }
    }
}

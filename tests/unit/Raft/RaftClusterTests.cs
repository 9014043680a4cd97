using System;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Xunit;
using Xunit.Abstractions;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>Goal: Raft's safety properties hold whatever happens, and a healed group makes progress. Method: random steps with
/// loss, duplication, reordering, crashes that lose unsynced writes, slow disks, cuts and drifting clocks; checkers after every
/// step (<see cref="RaftNet"/>).</summary>
public sealed class RaftClusterTests(ITestOutputHelper output)
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
    public void Safety_holds_under_faults_and_progress_follows_healing(ulong seed) => RunSeed(seed, changes: false);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Safety_holds_while_members_change_and_every_change_ends(ulong seed) => RunSeed(seed, changes: true);

    /// <summary>The checkers are worth something: each defect is found within a few hundred seeds.</summary>
    [Theory]
    [InlineData(SabotageKind.VoteNotPersisted, false)]
    [InlineData(SabotageKind.AckBeforeDurable, false)]
    [InlineData(SabotageKind.LeaseWithoutDriftBound, false)]
    [InlineData(SabotageKind.ReadWithoutLease, false)]
    [InlineData(SabotageKind.CommitByIncomingOnly, true)]
    [InlineData(SabotageKind.ConfigFromCommit, true)]
    [InlineData(SabotageKind.RemovedLeaderCounts, true)]
    [InlineData(SabotageKind.LearnerCounts, true)]
    [InlineData(SabotageKind.LeaveBeforeCommit, true)]
    [InlineData(SabotageKind.RemovedNeverCampaigns, true)]
    public void A_broken_variant_is_caught(object kind, bool changes)
    {
        Sabotage.Use((SabotageKind)kind);
        Invariant.ThrowsOnThisThread = true;
        try
        {
            for (ulong seed = 1; seed <= 2000; seed++)
            {
                try { RunSeed(seed, changes); }
                catch (Exception e) when (e is Xunit.Sdk.XunitException or InvariantViolation)
                {
                    output.WriteLine($"{kind}: seed {seed}: {e.Message}");
                    Sabotage.Use(SabotageKind.None);
                    RunSeed(seed, changes); // the same seed passes without the defect
                    return;
                }
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

    private static void RunSeed(ulong seed, bool changes)
    {
        Prng prng = new(seed);
        int voters = prng.Below(3) switch { 0 => 1, 1 => 3, _ => 5 };
        RaftNet net = new(seed, voters, learners: prng.Below(2), preferred: prng.Chance(500_000) ? 0 : uint.MaxValue, spares: changes ? 2 : 0)
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
        RaftMembers target = net.Founders;
        for (int step = 0; step < (changes ? 12_000 : 6_000); step++)
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
            if (changes) { Change(net, prng, peer, ref target); }
            net.CheckLeases();
            if (step % 50 == 0) { net.CheckLogs(); }
        }
        HealAndFinish(net, value, target);
    }

    /// <summary>What a host and an operator do: ask for the next step; draw a new target; empty who is out for good.</summary>
    private static void Change(RaftNet net, Prng prng, RaftPeer peer, ref RaftMembers target)
    {
        if (prng.Chance(3_000)) { target = DrawTarget(net, prng); }
        if (peer.IsPaused || !peer.IsUp) { return; }
        if (prng.Chance(100_000)) { _ = peer.Change(target); }
        if (!prng.Chance(20_000) || !peer.Node.IsReady || peer.Node.IsChanging) { return; }
        // Who is asked may have been deposed, and the others may have changed since.
        if (net.Peers.Exists(p => p.Node.MembersIndex > peer.Node.MembersIndex)) { return; }
        foreach (RaftPeer other in net.Peers)
        {
            if (peer.Node.Members.IsMember(other.Id) || other == peer || !prng.Chance(300_000)) { continue; }
            Reached.Mark("raft test: removed replica made anew");
            other.Wipe(peer.Node);
            other.Start();
        }
    }

    private static RaftMembers DrawTarget(RaftNet net, Prng prng)
    {
        NodeId[] ids = new NodeId[net.Peers.Count];
        for (int i = 0; i < ids.Length; i++) { ids[i] = net[i].Id; }
        for (int i = 0; i < ids.Length; i++)
        {
            int other = prng.Below(ids.Length);
            (ids[i], ids[other]) = (ids[other], ids[i]);
        }
        int voters = Math.Min(ids.Length, 1 + prng.Below(5));
        return new RaftMembers(ids.AsSpan(0, voters), default, ids.AsSpan(voters, prng.Below(Math.Min(2, ids.Length - voters + 1))));
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

    private static void HealAndFinish(RaftNet net, ulong value, RaftMembers target)
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
        for (int i = 0; i < 1000 && !(leader.Node.Members.IsSame(target) && !leader.Node.IsChanging); i++)
        {
            _ = leader.Change(target);
            net.Run(5);
            leader = net.Elect();
        }
        net.Run(500);
        net.CheckLogs();
        leader = net.Elect();
        Assert.True(leader.Node.Members.IsSame(target) && !leader.Node.IsChanging, $"the change to {target} does not end: {leader.Node.Members}");
        foreach (RaftPeer peer in net.Peers)
        {
            if (!target.IsMember(peer.Id)) { continue; }
            Assert.True(peer.Node.Members.IsSame(target));
            Assert.Equal(leader.Node.Log.LastIndex, peer.Node.Commit);
            Assert.Equal(leader.Log, peer.Log);
            Assert.Equal(0, peer.Violations);
        }
    }
}

using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Harness;
using Xunit;
using Xunit.Abstractions;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: the simulator notices when a protection is missing. Method: switch one off, and look for a seed that objects;
/// the same seed must pass with the protection in place.</summary>
public sealed class BrokenVariantTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(nameof(SabotageKind.VoteNotPersisted), 500)]
    [InlineData(nameof(SabotageKind.AckBeforeDurable), 500)]
    [InlineData(nameof(SabotageKind.CommitWithoutCurrentTerm), 20_000)]
    [InlineData(nameof(SabotageKind.ReadWithoutLease), 500)]
    [InlineData(nameof(SabotageKind.LeaseWithoutDriftBound), 500)]
    [InlineData(nameof(SabotageKind.NoPreviousEntryCheck), 500)]
    public void The_protocol_scenario_notices(string kind, ulong last) =>
        Expect(FixedSeeds.FindBug("protocol", System.Enum.Parse<SabotageKind>(kind), 1, last), kind);

    [Theory]
    [InlineData(nameof(SabotageKind.CommitByIncomingOnly))]
    [InlineData(nameof(SabotageKind.ElectByIncomingOnly))]
    [InlineData(nameof(SabotageKind.ConfigFromCommit))]
    [InlineData(nameof(SabotageKind.ConfigNotTakenBack))]
    [InlineData(nameof(SabotageKind.RemovedLeaderCounts))]
    [InlineData(nameof(SabotageKind.LearnerCounts))]
    [InlineData(nameof(SabotageKind.LeaveBeforeCommit))]
    [InlineData(nameof(SabotageKind.JoinerVotes))]
    [InlineData(nameof(SabotageKind.JoinerWithoutTerm))]
    [InlineData(nameof(SabotageKind.RemovedNeverCampaigns))]
    public void The_members_scenario_notices(string kind) =>
        Expect(FixedSeeds.FindBug("members", System.Enum.Parse<SabotageKind>(kind), 1, 5_000), kind);

    [Theory]
    [InlineData(nameof(SabotageKind.MembersLeaveLog), 1, 1_000)]
    [InlineData(nameof(SabotageKind.HandOverOlderMembers), 1, 1_000)]
    public void The_replaced_scenario_notices(string kind, ulong first, ulong last) =>
        Expect(FixedSeeds.FindBug("replaced", System.Enum.Parse<SabotageKind>(kind), first, last), kind);

    [Theory]
    [InlineData(nameof(SabotageKind.RecoveryStopsAtFirstBadRecord), 1, 300)]
    [InlineData(nameof(SabotageKind.FlushSkipped), 1, 100)]
    [InlineData(nameof(SabotageKind.LeaseRenewedAfterVote), 1, 500)]
    public void The_replication_scenario_notices(string kind, ulong first, ulong last) =>
        Expect(FixedSeeds.FindBug("groups", System.Enum.Parse<SabotageKind>(kind), first, last), kind);

    [Theory]
    [InlineData(nameof(SabotageKind.LateDuplicateWrite), 1, 200)]
    [InlineData(nameof(SabotageKind.NoOwnerGenerations), 1, 200)]
    [InlineData(nameof(SabotageKind.UncommittedRead), 1, 200)]
    [InlineData(nameof(SabotageKind.MergeWithoutWaiting), 1, 100)]
    [InlineData(nameof(SabotageKind.ExtentNeverFreed), 1, 100)]
    [InlineData(nameof(SabotageKind.OperationKept), 1, 100)]
    public void The_cluster_scenario_notices(string kind, ulong first, ulong last) =>
        Expect(FixedSeeds.FindBug("cluster", System.Enum.Parse<SabotageKind>(kind), first, last), kind);

    [Theory]
    [InlineData(nameof(SabotageKind.RepairFromAnotherVersion), 1, 400)]
    [InlineData(nameof(SabotageKind.ScrubAtDifferentIndexes), 1, 100)]
    public void The_damage_scenario_notices(string kind, ulong first, ulong last) =>
        Expect(FixedSeeds.FindBug("damage", System.Enum.Parse<SabotageKind>(kind), first, last), kind);

    [Theory]
    [InlineData(nameof(SabotageKind.CutsForgotten), 1, 200)]
    public void The_images_scenario_notices(string kind, ulong first, ulong last) =>
        Expect(FixedSeeds.FindBug("images", System.Enum.Parse<SabotageKind>(kind), first, last), kind);

    /// <summary>Few seeds: the scenario is made for it.</summary>
    [Theory]
    [InlineData(nameof(SabotageKind.EmptiedDeviceVotes), 1, 10)]
    public void The_emptied_osd_scenario_notices(string kind, ulong first, ulong last) =>
        Expect(FixedSeeds.FindBug("emptied", System.Enum.Parse<SabotageKind>(kind), first, last), kind);

    private void Expect(SimResult? found, string kind)
    {
        Assert.True(found != null, $"{kind} was not noticed");
        output.WriteLine($"{kind}: seed {found!.Seed}: {found.Failure}");
    }
}

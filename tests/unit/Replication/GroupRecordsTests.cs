using System;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Xunit;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>Goal: a replica finds again what it stored, also what older versions stored; bad bytes are refused.</summary>
public sealed class GroupRecordsTests
{
    private static readonly Guid First = new("11111111-2222-3333-4444-555555555555");
    private static readonly Guid Second = new("66666666-7777-8888-9999-aaaaaaaaaaaa");

    [Fact]
    public void A_configuration_survives_the_round_trip()
    {
        RaftMembers plain = new([(new NodeId(1), First), (new NodeId(2), Second)], [(new NodeId(3), First)]);
        RaftMembers members = plain.With([new NodeId(2)], [new NodeId(1)], [new NodeId(3)], plain);
        byte[] bytes = GroupRecords.EncodeConfig(9, members, new LogIndex(77));
        Assert.True(GroupRecords.TryDecodeConfig(bytes, out ulong incarnation, out RaftMembers? read, out LogIndex since));
        Assert.True(members.IsSame(read));
        Assert.Equal((9UL, new LogIndex(77)), (incarnation, since));
        for (int cut = 0; cut < bytes.Length; cut++)
        {
            bool isCut = !GroupRecords.TryDecodeConfig(bytes.AsSpan(0, cut), out _, out RaftMembers? rest, out _);
            Assert.True(isCut || rest == RaftMembers.Unknown);
        }
    }

    [Fact]
    public void A_replica_that_joins_knows_nobody()
    {
        byte[] bytes = GroupRecords.EncodeConfig(9, RaftMembers.Unknown, default);
        Assert.Equal(24, bytes.Length);
        Assert.True(GroupRecords.TryDecodeConfig(bytes, out _, out RaftMembers? read, out LogIndex since));
        Assert.Same(RaftMembers.Unknown, read);
        Assert.Equal(default, since);
    }

    /// <summary>The bytes are those that version 1 wrote: voters 5 and 258, learner 7, incarnation 3.</summary>
    [Fact]
    public void Configurations_of_version_1_are_read()
    {
        byte[] bytes = Convert.FromHexString("0102010000000000" + "0300000000000000" +
            "05000000" + "11111111222233334444555555555555" +
            "02010000" + "66666666777788889999AAAAAAAAAAAA" +
            "07000000" + "11111111222233334444555555555555");
        Assert.True(GroupRecords.TryDecodeConfig(bytes, out ulong incarnation, out RaftMembers? read, out LogIndex since));
        Assert.Equal((3UL, default), (incarnation, since));
        Assert.Equal([new NodeId(5), new NodeId(258)], read.Voters);
        Assert.Equal([new NodeId(7)], read.Learners);
        Assert.Empty(read.Outgoing);
        Assert.Equal(new Guid(Convert.FromHexString("66666666777788889999AAAAAAAAAAAA")), read.InstanceOf(new NodeId(258)));
        for (int cut = 0; cut < bytes.Length; cut++) { Assert.False(GroupRecords.TryDecodeConfig(bytes.AsSpan(0, cut), out _, out _, out _)); }
    }

    [Theory]
    [InlineData("0100000000000000" + "0300000000000000", true, false, 0, 0)]
    [InlineData("0101000000000000" + "0300000000000000", true, true, 0, 0)]
    [InlineData("0102000000000000" + "0300000000000000" + "0900000000000000", false, false, 6, 9)] // an index alone: in the newest term
    [InlineData("0200000000000000" + "0300000000000000" + "0500000000000000" + "0900000000000000", false, false, 5, 9)]
    [InlineData("0203000000000000" + "0300000000000000" + "0000000000000000" + "0000000000000000", true, true, 0, 0)]
    [InlineData("0900000000000000" + "0300000000000000", true, true, 0, 0)] // a later version's: nobody vouches for the state
    public void Marks_of_recovery_are_read_in_any_version(string hex, bool incomplete, bool lost, ulong term, ulong index)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Assert.True(GroupRecords.TryDecodeRecovery(bytes, 3, new Term(6), out GroupRecovery recovery));
        Assert.Equal(new GroupRecovery(incomplete, lost, new LogEnd(new Term(term), new LogIndex(index))), recovery);
        Assert.False(GroupRecords.TryDecodeRecovery(bytes, 4, new Term(6), out _)); // another incarnation
    }

    [Fact]
    public void A_mark_of_recovery_survives_the_round_trip()
    {
        GroupRecovery recovery = new(IsIncomplete: true, LostLog: false, new LogEnd(new Term(5), new LogIndex(9)));
        byte[] bytes = new byte[GroupRecords.RecoveryBytes];
        GroupRecords.EncodeRecovery(bytes, 3, recovery);
        Assert.True(GroupRecords.TryDecodeRecovery(bytes, 3, default, out GroupRecovery read));
        Assert.Equal(recovery, read);
    }

    [Fact]
    public void A_hard_state_survives_the_round_trip()
    {
        byte[] hard = new byte[GroupRecords.HardStateBytes];
        GroupRecords.EncodeHardState(hard, 9, new Term(4), new NodeId(2));
        Assert.True(GroupRecords.TryDecodeHardState(hard, 9, out Term term, out NodeId vote));
        Assert.Equal((new Term(4), new NodeId(2)), (term, vote));
        Assert.False(GroupRecords.TryDecodeHardState(hard, 10, out _, out _)); // another incarnation
    }

    [Fact]
    public void What_goes_with_a_handed_over_state_survives_the_round_trip_and_bad_bytes_are_refused()
    {
        GroupBase start = new()
        {
            Index = new LogIndex(50),
            Term = new Term(4),
            LeaderEnd = new LogEnd(new Term(5), new LogIndex(60)),
            Members = new RaftMembers([(new NodeId(1), First)], [(new NodeId(3), Second)]),
            MembersSince = new LogIndex(40),
        };
        byte[] bytes = start.Encode();
        Assert.True(bytes.Length <= GroupBase.MaxBytes);
        GroupBase? read = GroupBase.Decode(bytes, start.Index, start.Term, default);
        Assert.NotNull(read);
        Assert.Equal((start.LeaderEnd, start.MembersSince), (read.LeaderEnd, read.MembersSince));
        Assert.True(start.Members.IsSame(read.Members!));
        for (int cut = 1; cut < bytes.Length; cut++)
        {
            if (cut != 32) { Assert.Null(GroupBase.Decode(bytes.AsSpan(0, cut), start.Index, start.Term, default)); }
        }
        Assert.Null(GroupBase.Decode(bytes, new LogIndex(39), start.Term, default)); // the members of another state
        Assert.Equal(new LogEnd(default, new LogIndex(70)), GroupBase.Decode([], start.Index, start.Term, new LogIndex(70))!.LeaderEnd);
    }
}

using System;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Xunit;

namespace Fastblock.Tests.Unit.Raft;

public sealed class QuorumTests
{
    [Fact]
    public void The_reached_value_is_the_greatest_that_a_majority_has()
    {
        Prng prng = new(3);
        for (int round = 0; round < 10_000; round++)
        {
            long[] values = new long[prng.Below(9) + 1];
            for (int i = 0; i < values.Length; i++) { values[i] = prng.Below(6); }
            long naive = values.Where(v => values.Count(w => w >= v) > values.Length / 2).Max();
            Assert.Equal(naive, Quorum.Of(values.ToArray()));
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    [InlineData(4, 3)]
    [InlineData(5, 3)]
    public void A_majority_is_more_than_half(int voters, int majority) => Assert.Equal(majority, Quorum.Majority(voters));

    [Fact]
    public void Limits_fit_together()
    {
        Assert.True(RaftLimits.MaxMembers <= 32, "votes are bits of a uint");
        Assert.True(RaftLimits.MaxEntriesPerMessage <= ushort.MaxValue, "counted in two bytes on the wire");
        Assert.True(RaftLimits.MaxHeldMessages > 2 * RaftLimits.MaxMembers, "a round of votes fits");
    }

    [Fact]
    public void Members_survive_encoding_and_bad_bytes_are_refused()
    {
        RaftMembers members = new([new(3), new(1), new(2)], [new(1), new(4)], [new(9)]);
        byte[] bytes = new byte[members.EncodedBytes];
        members.Encode(bytes);
        Assert.True(RaftMembers.TryDecode(bytes, out RaftMembers? read));
        Assert.Equal(members.Voters, read.Voters);
        Assert.Equal(members.Outgoing, read.Outgoing);
        Assert.Equal(members.Learners, read.Learners);
        Assert.Equal([1U, 2, 3, 4, 9], read.All.ToArray().Select(id => id.Value));
        for (int length = 0; length < bytes.Length; length++) { Assert.False(RaftMembers.TryDecode(bytes.AsSpan(0, length), out _)); }
        Prng prng = new(1);
        for (int i = 0; i < 10_000; i++)
        {
            byte[] mangled = (byte[])bytes.Clone();
            mangled[prng.Below(mangled.Length)] ^= (byte)(1 << prng.Below(8));
            _ = RaftMembers.TryDecode(mangled, out _); // any answer, no exception
        }
    }
}

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

    /// <summary>The oracle takes the definition at its word: tries every value, and counts who has reached it in each set.</summary>
    [Fact]
    public void A_joint_configuration_needs_a_majority_of_both_sets_and_learners_do_not_matter()
    {
        Prng prng = new(5);
        int joint = 0, behindLearners = 0;
        for (int round = 0; round < 20_000; round++)
        {
            RaftMembers members = Draw(prng);
            long[] values = new long[members.All.Length];
            for (int i = 0; i < values.Length; i++) { values[i] = prng.Below(6); }
            NodeId[] all = members.All.ToArray();
            bool Agreed(long value, NodeId[] set) => set.Count(id => values[System.Array.IndexOf(all, id)] >= value) > set.Length / 2;
            long naive = values.Append(0).Where(v => Agreed(v, members.Voters) && (members.Outgoing.Length == 0 || Agreed(v, members.Outgoing))).Max();
            Assert.Equal(naive, Quorum.Of(members, values));
            joint += members.IsJoint ? 1 : 0;
            behindLearners += naive < Quorum.Of(values.ToArray()) ? 1 : 0;
        }
        Assert.True(joint > 1000 && behindLearners > 1000, "the draw is worth something");
    }

    /// <summary>Raft §6: whatever two configurations that follow each other decide, somebody took part in both decisions.</summary>
    [Fact]
    public void Majorities_of_neighbouring_configurations_meet()
    {
        Prng prng = new(6);
        for (int round = 0; round < 300; round++)
        {
            RaftMembers before = new(DrawSet(prng, 1 + prng.Below(4)));
            RaftMembers after = new(DrawSet(prng, 1 + prng.Below(4)));
            RaftMembers between = new(after.Voters, before.Voters);
            NodeId[] all = between.All.ToArray();
            for (uint a = 0; a < 1U << all.Length; a++)
            {
                if (!Decides(between, all, a)) { continue; }
                for (uint b = 0; b < 1U << all.Length; b++)
                {
                    bool decides = Decides(before, all, b) || Decides(after, all, b) || Decides(between, all, b);
                    Assert.True(!decides || (a & b) != 0);
                }
            }
        }
    }

    private static bool Decides(RaftMembers members, NodeId[] all, uint who)
    {
        long[] values = new long[members.All.Length];
        for (int i = 0; i < values.Length; i++) { values[i] = (who >> System.Array.IndexOf(all, members.All[i])) & 1; }
        return Quorum.Of(members, values) == 1;
    }

    private static RaftMembers Draw(Prng prng)
    {
        while (true)
        {
            RaftMembers members = new(DrawSet(prng, 1 + prng.Below(5)), DrawSet(prng, prng.Below(2) == 0 ? 0 : 1 + prng.Below(5)), DrawSet(prng, prng.Below(4)));
            if (members.IsValid) { return members; }
        }
    }

    private static NodeId[] DrawSet(Prng prng, int count)
    {
        NodeId[] ids = Enumerable.Range(0, 9).Select(i => new NodeId((uint)i)).ToArray();
        for (int i = 0; i < count; i++)
        {
            int other = i + prng.Below(ids.Length - i);
            (ids[i], ids[other]) = (ids[other], ids[i]);
        }
        return ids[..count];
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

    /// <summary>The bytes of docs/on-disk-format.md, written out.</summary>
    [Fact]
    public void A_configuration_has_these_bytes()
    {
        System.Guid first = new("00112233-4455-6677-8899-aabbccddeeff");
        RaftMembers before = new([(new NodeId(1), first), (new NodeId(2), System.Guid.Empty)], []);
        RaftMembers members = before.With([new(1), new(3)], [new(1), new(2)], [new(2)], before);
        byte[] bytes = new byte[members.EncodedBytes];
        members.Encode(bytes);
        Assert.Equal("0203000000000000" + "0100000003000000" + "33221100554477668899AABBCCDDEEFF" + "0200000006000000" + new string('0', 32) +
            "0300000001000000" + new string('0', 32), System.Convert.ToHexString(bytes));
    }

    [Fact]
    public void Members_survive_encoding_and_bad_bytes_are_refused()
    {
        RaftMembers devices = new([(new(3), System.Guid.NewGuid()), (new(1), System.Guid.NewGuid())], [(new(9), System.Guid.NewGuid())]);
        RaftMembers members = devices.With([new(3), new(1), new(2)], [new(1), new(4)], [new(9)], devices);
        byte[] bytes = new byte[members.EncodedBytes];
        members.Encode(bytes);
        Assert.True(RaftMembers.TryDecode(bytes, out RaftMembers? read));
        Assert.True(read.IsSame(members));
        Assert.Equal(members.Voters, read.Voters);
        Assert.Equal(members.Outgoing, read.Outgoing);
        Assert.Equal(members.Learners, read.Learners);
        Assert.Equal(devices.InstanceOf(new(9)), read.InstanceOf(new(9)));
        Assert.Equal([1U, 2, 3, 4, 9], read.All.ToArray().Select(id => id.Value));
        for (int length = 0; length < bytes.Length; length++) { Assert.False(RaftMembers.TryDecode(bytes.AsSpan(0, length), out _)); }
        Prng prng = new(1);
        for (int i = 0; i < 10_000; i++)
        {
            byte[] mangled = (byte[])bytes.Clone();
            mangled[prng.Below(mangled.Length)] ^= (byte)(1 << prng.Below(8));
            if (!RaftMembers.TryDecode(mangled, out RaftMembers? other)) { continue; }
            // What is accepted is a configuration, and these are its only bytes.
            Assert.True(other.IsValid);
            byte[] again = new byte[other.EncodedBytes];
            other.Encode(again);
            Assert.Equal(mangled, again);
        }
    }

    [Fact]
    public void Random_bytes_are_no_configuration_and_throw_nothing()
    {
        Prng prng = new(2);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = new byte[prng.Below(500)];
            for (int k = 0; k < bytes.Length; k++) { bytes[k] = (byte)prng.Below(prng.Below(2) == 0 ? 8 : 256); }
            if (bytes.Length > 8 && prng.Below(2) == 0) { (bytes[0], bytes[1]) = (2, (byte)((bytes.Length - 8) / 24)); }
            if (RaftMembers.TryDecode(bytes, out RaftMembers? members)) { Assert.True(members.IsValid); }
        }
    }
}

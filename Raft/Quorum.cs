using System;
using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>Majority arithmetic over a configuration, joint ones included.</summary>
internal static class Quorum
{
    /// <summary>How many of <paramref name="voters"/> are a majority.</summary>
    public static int Majority(int voters) => (voters / 2) + 1;

    /// <summary>The greatest value that the configuration's majority has reached: that of the voters, and while it is joint also that of
    /// the outgoing voters (Raft §6). There is at least one voter.</summary>
    /// <param name="values">The value of each of <see cref="RaftMembers.All"/>; learners' are not looked at.</param>
    public static long Of(RaftMembers members, ReadOnlySpan<long> values)
    {
        long reached = OfSet(members.VoterPlaces, values);
        return members.IsJoint ? Math.Min(reached, OfSet(members.OutgoingPlaces, values)) : reached;
    }

    /// <summary>The same over some of the values.</summary>
    public static long OfSet(ReadOnlySpan<byte> places, ReadOnlySpan<long> values)
    {
        Span<long> own = stackalloc long[places.Length];
        for (int i = 0; i < own.Length; i++) { own[i] = values[places[i]]; }
        return Of(own);
    }

    /// <summary>The greatest value that a majority has reached, given each voter's value. <paramref name="values"/> is
    /// reordered.</summary>
    public static long Of(Span<long> values)
    {
        Invariant.Require(values.Length > 0);
        // Insertion sort: a group has 1, 3 or 5 voters.
        for (int i = 1; i < values.Length; i++)
        {
            long value = values[i];
            int at = i;
            for (; at > 0 && values[at - 1] < value; at--) { values[at] = values[at - 1]; }
            values[at] = value;
        }
        return values[Majority(values.Length) - 1];
    }
}

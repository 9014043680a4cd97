using System;
using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>Majority arithmetic over a configuration, joint ones included.</summary>
internal static class Quorum
{
    /// <summary>How many of <paramref name="voters"/> are a majority.</summary>
    public static int Majority(int voters) => (voters / 2) + 1;

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

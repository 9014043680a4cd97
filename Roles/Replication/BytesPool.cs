using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Replication;

/// <summary>Small byte arrays for descriptions of entries, re-used. What is out is bounded by the groups' windows.</summary>
internal sealed class BytesPool
{
    private static readonly int[] Sizes = [128, 512, 1024, ReplicationLimits.MaxHeaderBytes + (4 * ReplicationLimits.MaxPayloadBlocks)];

    /// <summary>Arrays kept per size: beyond it they are left to the garbage collector (after a burst).</summary>
    private const int MaxKept = 16_384;

    private readonly Stack<byte[]>[] _free = [new(), new(), new(), new()];

    /// <summary>An array of at least <paramref name="bytes"/>, contents undefined.</summary>
    public byte[] Rent(int bytes)
    {
        for (int i = 0; i < Sizes.Length; i++)
        {
            if (bytes <= Sizes[i]) { return _free[i].TryPop(out byte[]? free) ? free : new byte[Sizes[i]]; }
        }
        Invariant.Require(false);
        return [];
    }

    /// <summary>Gives an array back; one of another size (from replay) is let go.</summary>
    public void Return(byte[] array)
    {
        for (int i = 0; i < Sizes.Length; i++)
        {
            if (array.Length == Sizes[i] && _free[i].Count < MaxKept) { _free[i].Push(array); }
        }
    }
}

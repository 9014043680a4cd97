using System.Runtime.InteropServices;

namespace Fastblock.Native.Base;

/// <summary>One side's counters of a <see cref="SpscRing{T}"/>, on a pair of cache lines of their own (the CPU fetches lines in
/// pairs), so that the two threads do not disturb each other.</summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal struct SpscRingSide
{
    /// <summary>Items ever passed; wraps.</summary>
    [FieldOffset(0)] public uint Count;

    /// <summary>The other side's count as last seen.</summary>
    [FieldOffset(4)] public uint OtherSeen;
}

using System;
using System.Numerics;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Blobs;

/// <summary>Which allocation units are in use: one bit each. Never stored: recovery rebuilds it from the object records, so
/// there is no second copy of the truth that could disagree. Allocation is next-fit, so units allocated one after the other
/// mostly lie one after the other, and a freed unit rests as long as possible before it is used again.</summary>
internal sealed unsafe class AuBitmap : IDisposable
{
    private readonly uint _count;
    private readonly int _words;
    private readonly ulong* _used;
    private uint _next;

    public AuBitmap(uint count)
    {
        _count = count;
        _words = (int)((count + 63) / 64);
        _used = (ulong*)NativeMemory.AllocZeroed((nuint)Math.Max(1, _words), sizeof(ulong));
        if (count % 64 != 0) { _used[_words - 1] = ulong.MaxValue << (int)(count % 64); } // what does not exist is never free
        Free = count;
    }

    /// <summary>Units that can be allocated.</summary>
    public uint Free { get; private set; }

    public bool IsUsed(uint au) => (_used[au >> 6] >> (int)(au & 63) & 1) != 0;

    /// <returns>False: it is taken already (a double reference, when recovery asks).</returns>
    public bool TryMark(uint au)
    {
        if (au >= _count || IsUsed(au)) { return false; }
        _used[au >> 6] |= 1UL << (int)(au & 63);
        Free--;
        return true;
    }

    /// <returns>A unit, or <see cref="BlobGeometry.None"/> when none is free.</returns>
    public uint TryAllocate()
    {
        if (Free == 0) { return BlobGeometry.None; }
        int word = (int)(_next >> 6);
        ulong candidates = ~_used[word] & (ulong.MaxValue << (int)(_next & 63));
        while (candidates == 0)
        {
            word = word + 1 == _words ? 0 : word + 1;
            candidates = ~_used[word];
        }
        uint au = ((uint)word << 6) + (uint)BitOperations.TrailingZeroCount(candidates);
        _used[word] |= candidates & unchecked(~candidates + 1);
        Free--;
        _next = au + 1 == _count ? 0 : au + 1;
        return au;
    }

    public void Release(uint au)
    {
        Invariant.Require(au < _count && IsUsed(au));
        _used[au >> 6] &= ~(1UL << (int)(au & 63));
        Free++;
    }

    public void Dispose() => NativeMemory.Free(_used);
}

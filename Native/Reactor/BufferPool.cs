using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Native.Reactor;

/// <summary>The buffers of one reactor, from one region of unmanaged, block-aligned memory that is registered once with
/// whoever needs it. Renting allocates nothing; an exhausted size class falls through to the next larger one, and an
/// exhausted pool is back-pressure (null), never growth. One thread only.</summary>
internal sealed unsafe class BufferPool : IDisposable
{
    private readonly byte* _region;
    private readonly int[] _classBytes;
    private readonly int[] _classCount;
    private readonly Stack<PooledBuffer>[] _free;
    private readonly List<PooledBuffer> _all = [];
    private readonly List<Action> _reclaimers = [];
    private readonly bool _poison;

    /// <param name="classes">Size classes in ascending order: bytes of one buffer (multiple of 4096) and how many.</param>
    /// <param name="poison">Diagnosis: overwrite returned buffers so that late readers are seen.</param>
    public BufferPool(ReadOnlySpan<(int Bytes, int Count)> classes, bool poison = false)
    {
        _poison = poison;
        _classBytes = new int[classes.Length];
        _classCount = new int[classes.Length];
        _free = new Stack<PooledBuffer>[classes.Length];
        long total = 0;
        foreach ((int bytes, int count) in classes) { total += (long)bytes * count; }
        RegionBytes = total;
        _region = (byte*)NativeMemory.AlignedAlloc((nuint)total, Units.BlockBytes);
        long at = 0;
        for (int c = 0; c < classes.Length; c++)
        {
            (int bytes, int count) = classes[c];
            Invariant.Require(bytes % Units.BlockBytes == 0);
            Invariant.Require(c == 0 || bytes > _classBytes[c - 1]);
            _classBytes[c] = bytes;
            _classCount[c] = count;
            _free[c] = new Stack<PooledBuffer>(count);
            for (int i = 0; i < count; i++, at += bytes)
            {
                PooledBuffer buffer = new(this, _region + at, bytes, registeredIndex: -1, c);
                _all.Add(buffer);
                _free[c].Push(buffer);
            }
        }
    }

    /// <summary>Start of the whole region, for registration.</summary>
    public byte* Region => _region;

    public long RegionBytes { get; }

    /// <summary>Largest buffer that can be rented, in bytes.</summary>
    public int LargestBytes => _classBytes[^1];

    /// <summary>Buffers out at present: must be 0 when everything has come to rest.</summary>
    public int Outstanding { get; private set; }

    /// <summary>A buffer of at least <paramref name="bytes"/> with one reference held by the caller, contents undefined;
    /// null = none is free now, try again after completions.</summary>
    /// <param name="modest">Leave the last quarter of every size class to others: for work whose buffers come back only
    /// after work that needs buffers too (a client's write waits for replicas), so that it cannot take them all.</param>
    public PooledBuffer? TryRent(int bytes, bool modest = false)
    {
        return Take(bytes, modest ? 2 : 0);
    }

    /// <summary>Like <see cref="TryRent"/>, for what is on its way to a peer: goes deeper than clients may, since their buffers
    /// wait for it, but leaves the last eighth to what peers send, without which two that are full wait for one another.</summary>
    public PooledBuffer? TryRentForPeer(int bytes) => Take(bytes, 1);

    /// <summary>Called when a buffer is wanted and none is free: caches give back what they can.</summary>
    public void AddReclaimer(Action reclaim) => _reclaimers.Add(reclaim);

    public void RemoveReclaimer(Action reclaim) => _reclaimers.Remove(reclaim);

    private PooledBuffer? Take(int bytes, int keptEighths)
    {
        PooledBuffer? buffer = TakeFree(bytes, keptEighths);
        if (buffer is not null || _reclaimers.Count == 0) { return buffer; }
        foreach (Action reclaim in _reclaimers) { reclaim(); }
        return TakeFree(bytes, keptEighths);
    }

    private PooledBuffer? TakeFree(int bytes, int keptEighths)
    {
        for (int c = 0; c < _classBytes.Length; c++)
        {
            int kept = _classCount[c] * keptEighths / 8;
            if (_classBytes[c] < bytes || _free[c].Count <= kept) { continue; }
            PooledBuffer buffer = _free[c].Pop();
            buffer.OnRented();
            Outstanding++;
            return buffer;
        }
        return null;
    }

    /// <summary>Notes that the region was registered in pieces of <paramref name="pieceBytes"/>, numbered from 0. A buffer that
    /// lies across the end of a piece stays unregistered.</summary>
    internal void OnRegistered(long pieceBytes)
    {
        foreach (PooledBuffer buffer in _all)
        {
            long first = (buffer.Pointer - _region) / pieceBytes;
            long last = (buffer.Pointer - _region + buffer.Capacity - 1) / pieceBytes;
            buffer.RegisteredIndex = first == last ? (int)first : -1;
        }
    }

    internal void Return(PooledBuffer buffer)
    {
        if (_poison) { NativeMemory.Fill(buffer.Pointer, (nuint)buffer.Capacity, 0xDB); }
        Outstanding--;
        _free[buffer.SizeClass].Push(buffer);
    }

    public void Dispose() => NativeMemory.AlignedFree(_region);
}

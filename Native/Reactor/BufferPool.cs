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
    private const int Uses = (int)BufferUse.Client + 1;

    private bool _hasShares;
    private readonly byte* _region;
    private readonly int[] _classBytes;
    private readonly int[] _classCount;
    private readonly Stack<PooledBuffer>[] _free;
    private readonly int[] _guaranteed; // by use, then by size class
    private readonly int[] _rented;
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
        _guaranteed = new int[Uses * classes.Length];
        _rented = new int[Uses * classes.Length];
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

    /// <summary>Buffers out at present, those that only caches hold included.</summary>
    public int Outstanding { get; private set; }

    /// <summary>Counts the buffers that somebody else than a cache holds: none when everything has come to rest. For checks: looks
    /// at all of them.</summary>
    public int CountBusy()
    {
        int busy = 0;
        foreach (PooledBuffer buffer in _all) { busy += buffer.References > 0 && !buffer.IsIdle ? 1 : 0; }
        return busy;
    }

    /// <summary>A buffer of at least <paramref name="bytes"/> with one reference held by the caller, contents undefined;
    /// null = none is free for that use now, try again after completions.</summary>
    public PooledBuffer? TryRent(int bytes, BufferUse use = BufferUse.Any)
    {
        PooledBuffer? buffer = TakeFree(bytes, use);
        if (buffer is not null || _reclaimers.Count == 0) { return buffer; }
        foreach (Action reclaim in _reclaimers) { reclaim(); }
        return TakeFree(bytes, use);
    }

    /// <summary>From now on each use has a share of its own of every size class, and at least one of the largest buffers, in
    /// which every request fits; the rest is for who comes first. Before anything is rented; again = no effect, as several
    /// shards may live on one reactor.</summary>
    public void GuaranteeShares()
    {
        if (_hasShares) { return; }
        _hasShares = true;
        Invariant.Require(Outstanding == 0);
        Invariant.Require(_classCount[^1] >= Uses - 1);
        for (int c = 0; c < _classCount.Length; c++)
        {
            int least = c == _classCount.Length - 1 ? 1 : 0;
            Guarantee(BufferUse.Peer, c, Math.Max(least, _classCount[c] / 4));
            Guarantee(BufferUse.Cleaning, c, Math.Max(least, _classCount[c] / 32));
            Guarantee(BufferUse.ReadBack, c, Math.Max(least, _classCount[c] / 16));
            Guarantee(BufferUse.Client, c, Math.Max(least, _classCount[c] / 4));
        }
    }

    /// <summary>Called when a buffer is wanted and none is free: caches give back what they can.</summary>
    public void AddReclaimer(Action reclaim) => _reclaimers.Add(reclaim);

    public void RemoveReclaimer(Action reclaim) => _reclaimers.Remove(reclaim);

    private void Guarantee(BufferUse use, int sizeClass, int count) => _guaranteed[((int)use * _classCount.Length) + sizeClass] = count;

    private PooledBuffer? TakeFree(int bytes, BufferUse use)
    {
        for (int c = 0; c < _classBytes.Length; c++)
        {
            if (_classBytes[c] < bytes || _free[c].Count <= KeptForOthers(use, c)) { continue; }
            PooledBuffer buffer = _free[c].Pop();
            buffer.OnRented(use);
            _rented[((int)use * _classCount.Length) + c]++;
            Outstanding++;
            return buffer;
        }
        return null;
    }

    /// <summary>What the other uses have not taken of their shares yet. The free buffers are never fewer than all of that.</summary>
    private int KeptForOthers(BufferUse use, int sizeClass)
    {
        int kept = 0;
        for (int other = 1; other < Uses; other++)
        {
            int at = (other * _classCount.Length) + sizeClass;
            if (other != (int)use) { kept += Math.Max(0, _guaranteed[at] - _rented[at]); }
        }
        return kept;
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
        _rented[((int)buffer.Use * _classCount.Length) + buffer.SizeClass]--;
        _free[buffer.SizeClass].Push(buffer);
    }

    public void Dispose() => NativeMemory.AlignedFree(_region);
}

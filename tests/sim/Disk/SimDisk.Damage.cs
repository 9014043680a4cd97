using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Disk;

/// <summary>What goes wrong on a medium without the disk saying so: rot, writes that never arrived, writes that arrived somewhere
/// else, blocks that cannot be read. All of it is done to what was written a while ago, as if it had happened then: what a
/// device has just said to be durable may be all that tells a torn tail from a loss.</summary>
internal sealed partial class SimDisk
{
    /// <summary>Makes a block unreadable until it is written again.</summary>
    public void AddLatentError(long offsetBytes) => _ = _unreadable.Add(BlockOf(offsetBytes));

    /// <summary>Flips one bit of a written block. False: nothing was ever written there.</summary>
    public bool TryRot(long offsetBytes, int bit)
    {
        int block = BlockOf(offsetBytes);
        if (_blocks[block].Durable == null || _blocks[block].Cached != null) { return false; }
        _blocks[block].Durable![bit / 8 % Units.BlockBytes] ^= (byte)(1 << (bit % 8));
        return true;
    }

    /// <summary>Rots one block of a range that was written before some moment, if there is one.</summary>
    public bool TryRotOld(long offsetBytes, long lengthBytes, long writtenBefore)
    {
        int first = BlockOf(offsetBytes);
        int count = BlockOf(lengthBytes);
        int start = Prng.Below(count);
        for (int i = 0; i < count; i++)
        {
            int block = first + ((start + i) % count);
            if (_blocks[block].WrittenAt > 0 && _blocks[block].WrittenAt < writtenBefore
                && TryRot((long)block * Units.BlockBytes, Prng.Below(Units.BlockBytes * 8))) { return true; }
        }
        return false;
    }

    /// <summary>Undoes one old write of a range, or the first part of it, as if the disk had dropped it.</summary>
    public bool TryLoseOld(long offsetBytes, long lengthBytes, long writtenBefore)
    {
        (int first, int count) = FindOldWrite(BlockOf(offsetBytes), BlockOf(lengthBytes), writtenBefore);
        for (int block = first; block < first + count; block++) { Undo(block); }
        return count > 0;
    }

    /// <summary>As if the disk had put one old write of a range somewhere else: it is missing where it belongs, and lies over
    /// something old in another range.</summary>
    public bool TryMisdirectOld(long offsetBytes, long lengthBytes, long toOffsetBytes, long toLengthBytes, long writtenBefore)
    {
        (int first, int count) = FindOldWrite(BlockOf(offsetBytes), BlockOf(lengthBytes), writtenBefore);
        (int target, int room) = FindOldWrite(BlockOf(toOffsetBytes), BlockOf(toLengthBytes), writtenBefore);
        count = Math.Min(count, room);
        if (count == 0 || Math.Abs(first - target) < count) { return false; }
        for (int i = 0; i < count; i++)
        {
            SetDurable(target + i, _blocks[first + i].Durable);
            Undo(first + i);
        }
        return true;
    }

    /// <summary>Makes one old block of a range unreadable until it is written again.</summary>
    public bool TryLatentErrorOld(long offsetBytes, long lengthBytes, long writtenBefore)
    {
        (int first, int count) = FindOldWrite(BlockOf(offsetBytes), BlockOf(lengthBytes), writtenBefore);
        if (count > 0) { AddLatentError((long)first * Units.BlockBytes); }
        return count > 0;
    }

    /// <summary>The moments of a range's durable writes, each once, newest first.</summary>
    public SortedSet<long> WriteTimes(long offsetBytes, long lengthBytes)
    {
        var times = new SortedSet<long>(Comparer<long>.Create((a, b) => b.CompareTo(a)));
        for (int block = BlockOf(offsetBytes); block < BlockOf(offsetBytes + lengthBytes); block++)
        {
            if (_blocks[block].WrittenAt > 0 && _blocks[block].Cached == null) { _ = times.Add(_blocks[block].WrittenAt); }
        }
        return times;
    }

    /// <summary>A random run of blocks that one write made durable before some moment.</summary>
    private (int First, int Count) FindOldWrite(int first, int count, long writtenBefore)
    {
        var old = new List<int>();
        for (int i = first; i < first + count; i++)
        {
            if (IsOld(i)) { old.Add(i); }
        }
        if (old.Count == 0) { return (0, 0); }
        int block = old[Prng.Below(old.Count)];
        int end = block + 1;
        int most = 1 + Prng.Below(16);
        while (end < first + count && end - block < most && IsOld(end) && _blocks[end].WrittenAt == _blocks[block].WrittenAt) { end++; }
        return (block, end - block);

        bool IsOld(int at) => _blocks[at].Durable != null && _blocks[at].WrittenAt > 0 && _blocks[at].WrittenAt < writtenBefore && _blocks[at].Cached == null;
    }

    /// <summary>The block is again what it was before the write that made it what it is.</summary>
    private void Undo(int block)
    {
        SimBlocks.Return(_blocks[block].Durable);
        _blocks[block].Durable = _blocks[block].Overwritten is { } before ? SimBlocks.CopyOf(before) : null;
    }

    /// <param name="bytes">Given away to the disk.</param>
    private void MakeDurable(int block, byte[] bytes)
    {
        SimBlocks.Return(_blocks[block].Overwritten);
        _blocks[block].Overwritten = _blocks[block].Durable;
        _blocks[block].Durable = bytes;
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Disk;

/// <summary>Memory of blocks for the disks of all runs of a thread, used again and again: a run writes gigabytes, and the collector
/// would have to follow every one of these arrays. Each has one owner at a time.</summary>
internal static class SimBlocks
{
    /// <summary>Saves the type check that a store of an array into an array costs.</summary>
    private readonly record struct Block(byte[] Bytes);

    [ThreadStatic]
    private static Stack<Block>? _free;

    /// <summary>A block with these contents.</summary>
    public static byte[] CopyOf(ReadOnlySpan<byte> contents)
    {
        byte[] block = _free != null && _free.TryPop(out Block free) ? free.Bytes : GC.AllocateUninitializedArray<byte>(Units.BlockBytes);
        contents.CopyTo(block);
        return block;
    }

    /// <summary>Nobody refers to it any more.</summary>
    public static void Return(byte[]? block)
    {
        if (block != null) { (_free ??= new Stack<Block>()).Push(new Block(block)); }
    }
}

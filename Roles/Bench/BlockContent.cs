using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Bench;

/// <summary>The bytes of the n-th version of a block: incompressible, different for every block and version, and made anew
/// at any time for comparison. Every sector begins with a stamp (its place and version), so that a stale, torn or
/// misplaced sector says where it came from; the rest is cut out of a pool of random bytes.</summary>
internal sealed class BlockContent
{
    private const int PoolBytes = 4 << 20;
    private const int StampBytes = 16;

    private readonly byte[] _pool;
    private readonly int _blockBytes;
    private readonly ulong _seed;

    public BlockContent(int blockBytes, ulong seed)
    {
        Invariant.Require(blockBytes % Units.SectorBytes == 0);
        _blockBytes = blockBytes;
        _seed = seed;
        _pool = new byte[PoolBytes + blockBytes];
        Prng prng = new(seed);
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(_pool);
        for (int i = 0; i < words.Length; i++) { words[i] = prng.Next(); }
    }

    /// <summary>Makes version <paramref name="version"/> of block <paramref name="block"/>, or a part of it.</summary>
    /// <param name="offset">Where the part begins in the block, whole sectors.</param>
    public void Fill(Span<byte> target, long block, uint version, int offset)
    {
        Source(block, version).Slice(offset, target.Length).CopyTo(target);
        for (int at = 0; at < target.Length; at += Units.SectorBytes) { WriteStamp(target[at..], block, version, offset + at); }
    }

    /// <summary>Whether <paramref name="actual"/> is that very content.</summary>
    public bool Matches(ReadOnlySpan<byte> actual, long block, uint version, int offset)
    {
        ReadOnlySpan<byte> source = Source(block, version).Slice(offset, actual.Length);
        Span<byte> stamp = stackalloc byte[StampBytes];
        for (int at = 0; at < actual.Length; at += Units.SectorBytes)
        {
            WriteStamp(stamp, block, version, offset + at);
            if (!actual.Slice(at, StampBytes).SequenceEqual(stamp)) { return false; }
            int rest = Units.SectorBytes - StampBytes;
            if (!actual.Slice(at + StampBytes, rest).SequenceEqual(source.Slice(at + StampBytes, rest))) { return false; }
        }
        return true;
    }

    /// <summary>What a sector says of itself, for a message about a mismatch.</summary>
    public string Describe(ReadOnlySpan<byte> sector)
    {
        if (sector.IndexOfAnyExcept((byte)0) < 0) { return "zeros"; }
        ulong place = BinaryPrimitives.ReadUInt64LittleEndian(sector) ^ _seed;
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(sector[8..]);
        return $"sector {place} version {version} by its stamp";
    }

    private ReadOnlySpan<byte> Source(long block, uint version)
    {
        ulong mixed = unchecked(((ulong)block * 0x9E3779B97F4A7C15) + (version * 0xBF58476D1CE4E5B9));
        return _pool.AsSpan((int)(mixed >> 20 & (PoolBytes - 1)) & ~7, _blockBytes);
    }

    private void WriteStamp(Span<byte> target, long block, uint version, int offset)
    {
        ulong place = (ulong)(((block * _blockBytes) + offset) / Units.SectorBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(target, place ^ _seed);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], version);
        BinaryPrimitives.WriteUInt32LittleEndian(target[12..], unchecked((uint)_seed));
    }
}

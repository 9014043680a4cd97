using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.Checks;

/// <summary>What a written sector holds: image, sector and write number, repeated in a way that fills all 512 bytes, so that
/// a byte from anywhere else is seen. Number 0 is a sector of zeros.</summary>
internal static class Stamp
{
    private const ulong Magic = 0x5354_414D_505F_3031;

    public static void Fill(Span<byte> sector, ulong image, long sectorIndex, long write)
    {
        Invariant.Require(sector.Length == Units.SectorBytes);
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(sector);
        for (int i = 0; i + 3 < words.Length; i += 4)
        {
            words[i] = MagicAt(i);
            words[i + 1] = image;
            words[i + 2] = unchecked((ulong)sectorIndex);
            words[i + 3] = unchecked((ulong)write);
        }
    }

    /// <summary>Which write a sector holds. False: it is not a whole stamp of this very place.</summary>
    public static bool TryRead(ReadOnlySpan<byte> sector, ulong image, long sectorIndex, out long write)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(sector);
        write = 0;
        if (words[0] == 0) { return !sector.ContainsAnyExcept((byte)0); }
        ulong number = words[3];
        write = unchecked((long)number);
        bool holds = true;
        for (int i = 0; i + 3 < words.Length; i += 4)
        {
            holds &= words[i] == MagicAt(i) && words[i + 1] == image && words[i + 2] == unchecked((ulong)sectorIndex) && words[i + 3] == number;
        }
        return holds;
    }

    private static ulong MagicAt(int word) => Magic ^ ((ulong)word * sizeof(ulong));

    /// <summary>A sector's contents in words, for reports.</summary>
    public static string Describe(ReadOnlySpan<byte> sector) =>
        $"magic {BinaryPrimitives.ReadUInt64LittleEndian(sector):x} image {BinaryPrimitives.ReadUInt64LittleEndian(sector[8..])} "
        + $"sector {BinaryPrimitives.ReadInt64LittleEndian(sector[16..])} write {BinaryPrimitives.ReadInt64LittleEndian(sector[24..])}";
}

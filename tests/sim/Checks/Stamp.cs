using System;
using System.Buffers.Binary;
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
        for (int at = 0; at < sector.Length; at += 32)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(sector[at..], Magic ^ (ulong)at);
            BinaryPrimitives.WriteUInt64LittleEndian(sector[(at + 8)..], image);
            BinaryPrimitives.WriteInt64LittleEndian(sector[(at + 16)..], sectorIndex);
            BinaryPrimitives.WriteInt64LittleEndian(sector[(at + 24)..], write);
        }
    }

    /// <summary>Which write a sector holds. False: it is not a whole stamp of this very place.</summary>
    public static bool TryRead(ReadOnlySpan<byte> sector, ulong image, long sectorIndex, out long write)
    {
        write = 0;
        if (!sector.ContainsAnyExcept((byte)0)) { return true; }
        write = BinaryPrimitives.ReadInt64LittleEndian(sector[24..]);
        Span<byte> expected = stackalloc byte[Units.SectorBytes];
        Fill(expected, image, sectorIndex, write);
        return sector.SequenceEqual(expected);
    }

    /// <summary>A sector's contents in words, for reports.</summary>
    public static string Describe(ReadOnlySpan<byte> sector) =>
        $"magic {BinaryPrimitives.ReadUInt64LittleEndian(sector):x} image {BinaryPrimitives.ReadUInt64LittleEndian(sector[8..])} "
        + $"sector {BinaryPrimitives.ReadInt64LittleEndian(sector[16..])} write {BinaryPrimitives.ReadInt64LittleEndian(sector[24..])}";
}

using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Volume;

/// <summary>What the label and the shard superblock have in common, on disk: one block whose first 24 bytes never change their
/// meaning: checksum (CRC-32C of bytes [4, 4096)), version, magic, so that an old program can tell a newer format from
/// damage. Little-endian; uuids in the order in which they are printed.</summary>
internal static class VolumeFormat
{
    public const int BlockBytes = Units.BlockBytes;

    /// <summary>Room for the copies of a label, at the device's start and end, and of a superblock at the part's start.</summary>
    public const int AreaBytes = (int)(64 * Units.KiB);

    /// <summary>Second copy within an area: far enough not to share an erase or RAID unit of a small device with the first.</summary>
    public const int SecondCopyOffset = AreaBytes / 2;

    internal const int ChecksumAt = 0;
    internal const int VersionAt = 4;
    internal const int MagicAt = 8;

    /// <summary>Checks magic and checksum; the version is the caller's to judge.</summary>
    public static BlockState Check(ReadOnlySpan<byte> block, ulong magic, out ushort version)
    {
        version = 0;
        if (block.Length < BlockBytes || BinaryPrimitives.ReadUInt64LittleEndian(block[MagicAt..]) != magic)
        {
            return BlockState.NotThere;
        }
        version = BinaryPrimitives.ReadUInt16LittleEndian(block[VersionAt..]);
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(block[ChecksumAt..]);
        return checksum == Crc32C.Compute(block[VersionAt..BlockBytes]) ? BlockState.Valid : BlockState.Damaged;
    }

    /// <summary>Writes magic, version and, last, the checksum over everything else.</summary>
    public static void Seal(Span<byte> block, ulong magic, ushort version)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(block[MagicAt..], magic);
        BinaryPrimitives.WriteUInt16LittleEndian(block[VersionAt..], version);
        BinaryPrimitives.WriteUInt32LittleEndian(block[ChecksumAt..], Crc32C.Compute(block[VersionAt..BlockBytes]));
    }

    public static Guid ReadGuid(ReadOnlySpan<byte> at) => new(at[..16], bigEndian: true);

    public static void WriteGuid(Span<byte> at, Guid value)
    {
        bool written = value.TryWriteBytes(at[..16], bigEndian: true, out _);
        Invariant.Require(written);
    }
}

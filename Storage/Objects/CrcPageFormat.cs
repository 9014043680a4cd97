using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Objects;

/// <summary>The checksum page of an object: CRC-32C of block b at byte 4 b, little-endian; entries of holes are 0 and mean nothing.
/// A page is never changed in place: a new one is written elsewhere and the object's record names it together with
/// <see cref="Sum"/>. docs/on-disk-format.md describes it.</summary>
internal static class CrcPageFormat
{
    public const int Bytes = Units.BlockBytes;

    /// <summary>Most blocks of an object.</summary>
    public const int MaxBlocks = Bytes / sizeof(uint);

    /// <summary>CRC-32C over the object's name, the page's own number and the page. It is kept in the object's record, so a page
    /// that is torn, rotten, of an older time, of another object or from another place does not match.</summary>
    public static uint Sum(ObjectKey key, uint page, ReadOnlySpan<byte> contents)
    {
        Span<byte> identity = stackalloc byte[24];
        BinaryPrimitives.WriteUInt64LittleEndian(identity, key.Group);
        BinaryPrimitives.WriteUInt64LittleEndian(identity[8..], key.Image);
        BinaryPrimitives.WriteUInt32LittleEndian(identity[16..], key.Index);
        BinaryPrimitives.WriteUInt32LittleEndian(identity[20..], page);
        return Crc32C.Append(Crc32C.Compute(identity), contents[..Bytes]);
    }
}

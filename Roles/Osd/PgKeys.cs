using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Osd;

/// <summary>Keys of a PG's state in the shard's store: "p", PG (8 bytes, big-endian so that they sort), then "s" for the state
/// record, "c" for what was fixed at its creation, or "i" and the image (8 bytes, big-endian) for one session. docs/on-disk-format.md, "PG state".</summary>
internal static class PgKeys
{
    public const int PrefixBytes = 9;
    public const int StateBytes = PrefixBytes + 1;
    public const int ImageBytes = PrefixBytes + 1 + 8;

    public static void Prefix(PgId pg, Span<byte> key)
    {
        key[0] = (byte)'p';
        BinaryPrimitives.WriteUInt64BigEndian(key[1..], pg.Value);
    }

    public static void State(PgId pg, Span<byte> key)
    {
        Prefix(pg, key);
        key[PrefixBytes] = (byte)'s';
    }

    public static void Meta(PgId pg, Span<byte> key)
    {
        Prefix(pg, key);
        key[PrefixBytes] = (byte)'c';
    }

    /// <returns>False when the key is another one.</returns>
    public static bool TryReadMeta(ReadOnlySpan<byte> key, out PgId pg)
    {
        bool isMeta = key.Length == StateBytes && key[PrefixBytes] == (byte)'c';
        pg = isMeta ? new PgId(BinaryPrimitives.ReadUInt64BigEndian(key[1..])) : default;
        return isMeta;
    }

    public static void Image(PgId pg, ImageId image, Span<byte> key)
    {
        Prefix(pg, key);
        key[PrefixBytes] = (byte)'i';
        BinaryPrimitives.WriteUInt64BigEndian(key[(PrefixBytes + 1)..], image.Value);
    }
}

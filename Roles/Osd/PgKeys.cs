using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Osd;

/// <summary>Keys of a PG's state in the shard's store: "p", PG (8 bytes, big-endian so that they sort), then "s" for the state
/// record, "c" for what was fixed at its creation, "i" and the image (8 bytes, big-endian) for one session, or "r" and an index
/// (8 bytes, big-endian) for refused entries, or "m" for how far its scrub is. docs/on-disk-format.md, "PG state".</summary>
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

    public static void Scrub(PgId pg, Span<byte> key)
    {
        Prefix(pg, key);
        key[PrefixBytes] = (byte)'m';
    }

    /// <returns>False when the key is not one of a PG's state.</returns>
    public static bool TryReadPg(ReadOnlySpan<byte> key, out PgId pg)
    {
        bool isOurs = key.Length > PrefixBytes && key[0] == (byte)'p';
        pg = isOurs ? new PgId(BinaryPrimitives.ReadUInt64BigEndian(key[1..])) : default;
        return isOurs;
    }

    /// <returns>False when the key is another one.</returns>
    public static bool TryReadMeta(ReadOnlySpan<byte> key, out PgId pg)
    {
        bool isMeta = key.Length == StateBytes && key[PrefixBytes] == (byte)'c';
        pg = isMeta ? new PgId(BinaryPrimitives.ReadUInt64BigEndian(key[1..])) : default;
        return isMeta;
    }

    public static void Image(PgId pg, ImageId image, Span<byte> key) => Numbered(pg, 'i', image.Value, key);

    /// <param name="first">The record's first index.</param>
    public static void Refused(PgId pg, ulong first, Span<byte> key) => Numbered(pg, 'r', first, key);

    private static void Numbered(PgId pg, char kind, ulong number, Span<byte> key)
    {
        Prefix(pg, key);
        key[PrefixBytes] = (byte)kind;
        BinaryPrimitives.WriteUInt64BigEndian(key[(PrefixBytes + 1)..], number);
    }
}

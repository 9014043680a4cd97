using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Osd;

/// <summary>Keys of what a shard remembers of the cluster: "a" and an OSD's id (4 bytes, big-endian) for its map record, "c" for the
/// cluster's own record.</summary>
internal static class OsdKeys
{
    public const int PeerBytes = 5;

    public static ReadOnlySpan<byte> Cluster => "c"u8;

    public static ReadOnlySpan<byte> PeerPrefix => "a"u8;

    public static void Peer(OsdId osd, Span<byte> key)
    {
        key[0] = (byte)'a';
        BinaryPrimitives.WriteUInt32BigEndian(key[1..], osd.Value);
    }
}

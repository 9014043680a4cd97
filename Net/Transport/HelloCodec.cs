using System;
using System.Buffers.Binary;

namespace Fastblock.Net.Transport;

/// <summary>The body of a hello frame, little-endian; docs/wire-protocol.md §2. It may grow: a reader takes the first 64 bytes
/// and ignores the rest.
/// <code>
///  0 version   2 role   3 reserved   4 node id   8 shard   10 reserved   16 features   24 required features
/// 32 cluster uuid (RFC 4122 order)   48 instance uuid
/// </code></summary>
internal static class HelloCodec
{
    public const int SizeBytes = 64;

    /// <summary>Longest body that is read as a hello, and longest refusal text.</summary>
    public const int MaxBytes = 1024;

    public static void Write(Span<byte> to, in Hello hello)
    {
        to = to[..SizeBytes];
        to.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(to, hello.Version);
        to[2] = (byte)hello.Role;
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], hello.NodeId);
        BinaryPrimitives.WriteUInt16LittleEndian(to[8..], hello.Shard);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], hello.Features);
        BinaryPrimitives.WriteUInt64LittleEndian(to[24..], hello.RequiredFeatures);
        _ = hello.Cluster.TryWriteBytes(to[32..], bigEndian: true, out _);
        _ = hello.Instance.TryWriteBytes(to[48..], bigEndian: true, out _);
    }

    /// <returns>False when it is too short or too long; the contents are for the gate to judge.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out Hello hello)
    {
        hello = default;
        if (body.Length is < SizeBytes or > MaxBytes) { return false; }
        hello = new Hello
        {
            Version = BinaryPrimitives.ReadUInt16LittleEndian(body),
            Role = (PeerRole)body[2],
            NodeId = BinaryPrimitives.ReadUInt32LittleEndian(body[4..]),
            Shard = BinaryPrimitives.ReadUInt16LittleEndian(body[8..]),
            Features = BinaryPrimitives.ReadUInt64LittleEndian(body[16..]),
            RequiredFeatures = BinaryPrimitives.ReadUInt64LittleEndian(body[24..]),
            Cluster = new Guid(body.Slice(32, 16), bigEndian: true),
            Instance = new Guid(body.Slice(48, 16), bigEndian: true),
        };
        return true;
    }
}

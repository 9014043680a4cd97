using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;

namespace Fastblock.Net.Transport;

/// <summary>The first 32 bytes of every frame, little-endian; docs/wire-protocol.md §1 and FrameHeaderTests pin the
/// offsets. The checksum covers the header and the body; the payload carries checksums per block inside the body.
/// <code>
///  0 magic "FBL1"   4 type   5 flags (0)   6 reserved (0)   8 body bytes   12 payload bytes
/// 16 reserved (0)  28 CRC-32C of [0, 28) followed by the body
/// </code></summary>
internal readonly record struct FrameHeader(FrameType Type, int BodyBytes, int PayloadBytes, uint Checksum)
{
    public const int SizeBytes = 32;

    private const uint Magic = 0x314C4246; // "FBL1"
    private const int ChecksumOffset = 28;

    /// <summary>Largest body that a frame of this type may have.</summary>
    public static int MaxBodyBytes(FrameType type) =>
        type is FrameType.Control ? NetLimits.MaxControlBytes : NetLimits.MaxBodyBytes;

    /// <summary>Reads and bounds a header. The checksum is still to be verified, by <see cref="Matches"/>.</summary>
    /// <param name="bytes">At least <see cref="SizeBytes"/>.</param>
    /// <returns>False when no frame of this protocol begins here.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out FrameHeader header)
    {
        header = default;
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic) { return false; }
        FrameType type = (FrameType)bytes[4];
        uint body = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        uint payload = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        // Reserved bytes are inside the checksum, but a newer meaning of theirs must not be overlooked.
        if (bytes[5] != 0 || bytes[6..8].ContainsAnyExcept((byte)0) || bytes[16..28].ContainsAnyExcept((byte)0)) { return false; }
        if (body > (uint)MaxBodyBytes(type) || payload > NetLimits.MaxPayloadBytes) { return false; }
        header = new FrameHeader(type, (int)body, (int)payload, BinaryPrimitives.ReadUInt32LittleEndian(bytes[ChecksumOffset..]));
        return true;
    }

    /// <summary>Verifies the checksum over the header as it was received and its body.</summary>
    public bool Matches(ReadOnlySpan<byte> headerBytes, ReadOnlySpan<byte> body) =>
        Crc32C.Append(Crc32C.Compute(headerBytes[..ChecksumOffset]), body) == Checksum;

    /// <summary>Writes a header for the body.</summary>
    public static void Write(Span<byte> to, FrameType type, ReadOnlySpan<byte> body, int payloadBytes)
    {
        to = to[..SizeBytes];
        to.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(to, Magic);
        to[4] = (byte)type;
        BinaryPrimitives.WriteInt32LittleEndian(to[8..], body.Length);
        BinaryPrimitives.WriteInt32LittleEndian(to[12..], payloadBytes);
        uint checksum = Crc32C.Append(Crc32C.Compute(to[..ChecksumOffset]), body);
        BinaryPrimitives.WriteUInt32LittleEndian(to[ChecksumOffset..], checksum);
    }
}

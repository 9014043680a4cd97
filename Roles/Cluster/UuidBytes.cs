using System;
using Google.Protobuf;

namespace Fastblock.Roles.Cluster;

/// <summary>Uuids in protobuf fields: 16 bytes, big-endian; an empty field is Guid.Empty.</summary>
internal static class UuidBytes
{
    public static ByteString ToBytes(Guid uuid) =>
        uuid == Guid.Empty ? ByteString.Empty : ByteString.CopyFrom(uuid.ToByteArray(bigEndian: true));

    /// <returns>False when the field is neither empty nor 16 bytes.</returns>
    public static bool TryRead(ByteString bytes, out Guid uuid)
    {
        uuid = Guid.Empty;
        if (bytes.Length == 0) { return true; }
        if (bytes.Length != 16) { return false; }
        uuid = new Guid(bytes.Span, bigEndian: true);
        return true;
    }
}

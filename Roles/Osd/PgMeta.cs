using System;
using System.Runtime.InteropServices;

namespace Fastblock.Roles.Osd;

/// <summary>What was fixed when a PG's replica was created here; docs/on-disk-format.md, "PG state".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct PgMeta
{
    public const int SizeBytes = 16;

    [FieldOffset(0)] public uint BlocksPerObject;

    /// <summary>Epoch of the map that named the PG: only a newer map may say that it is gone.</summary>
    [FieldOffset(8)] public ulong CreatedEpoch;

    public static bool TryRead(ReadOnlySpan<byte> bytes, out PgMeta meta)
    {
        meta = bytes.Length == SizeBytes ? MemoryMarshal.Read<PgMeta>(bytes) : default;
        return meta.BlocksPerObject > 0;
    }

    public readonly void Write(Span<byte> bytes)
    {
        bytes[..SizeBytes].Clear();
        MemoryMarshal.Write(bytes, in this);
    }
}

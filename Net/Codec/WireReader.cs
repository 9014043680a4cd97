using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Fastblock.Net.Codec;

/// <summary>Reads little-endian values from bytes that came from outside: every read says whether there was enough, and a
/// failed read leaves the position where it was. Never throws.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> source)
{
    private readonly ReadOnlySpan<byte> _source = source;
    private int _position;

    /// <summary>Bytes not read yet.</summary>
    public readonly int Remaining => _source.Length - _position;

    public bool TryU8(out byte value)
    {
        bool ok = TryBytes(sizeof(byte), out ReadOnlySpan<byte> bytes);
        value = ok ? bytes[0] : default;
        return ok;
    }

    public bool TryU16(out ushort value)
    {
        bool ok = TryBytes(sizeof(ushort), out ReadOnlySpan<byte> bytes);
        value = ok ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : default;
        return ok;
    }

    public bool TryU32(out uint value)
    {
        bool ok = TryBytes(sizeof(uint), out ReadOnlySpan<byte> bytes);
        value = ok ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : default;
        return ok;
    }

    public bool TryU64(out ulong value)
    {
        bool ok = TryBytes(sizeof(ulong), out ReadOnlySpan<byte> bytes);
        value = ok ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : default;
        return ok;
    }

    /// <summary>The next <paramref name="count"/> bytes, in place. A negative or too large count is refused.</summary>
    public bool TryBytes(int count, out ReadOnlySpan<byte> bytes)
    {
        if (count < 0 || count > Remaining)
        {
            bytes = default;
            return false;
        }
        bytes = _source.Slice(_position, count);
        _position += count;
        return true;
    }

    /// <summary>The next <paramref name="count"/> 32-bit values, in place (x86-64 reads them at any address).</summary>
    public bool TryU32List(int count, out ReadOnlySpan<uint> values)
    {
        values = default;
        if (count < 0 || count > Remaining / sizeof(uint)) { return false; }
        bool ok = TryBytes(count * sizeof(uint), out ReadOnlySpan<byte> bytes);
        values = MemoryMarshal.Cast<byte, uint>(bytes);
        return ok;
    }
}

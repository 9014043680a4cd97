using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Net.Codec;

/// <summary>Writes little-endian values one after the other. What is written is ours, so a span that is too small is a bug
/// of ours and not an answer.</summary>
internal ref struct WireWriter(Span<byte> target)
{
    private readonly Span<byte> _target = target;

    /// <summary>Bytes written so far.</summary>
    public int Position { get; private set; }

    public void U8(byte value) => Take(sizeof(byte))[0] = value;

    public void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(sizeof(ushort)), value);

    public void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(sizeof(uint)), value);

    public void U64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(sizeof(ulong)), value);

    /// <summary>Reserved room: bytes that mean nothing go out as zeros, never as what lay in memory.</summary>
    public void Zeros(int count) => Take(count).Clear();

    public void Bytes(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    /// <summary>A list of 32-bit values without a length: the count is a field of the message.</summary>
    public void U32List(ReadOnlySpan<uint> values) => Bytes(MemoryMarshal.AsBytes(values));

    private Span<byte> Take(int count)
    {
        Invariant.Require(count >= 0 && count <= _target.Length - Position);
        Span<byte> taken = _target.Slice(Position, count);
        Position += count;
        return taken;
    }
}

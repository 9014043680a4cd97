using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Device;

/// <summary>Block-aligned unmanaged memory of a fixed size, zeroed at first: for staging areas and for set-up code. Lives until
/// it is disposed or collected; a device request that uses it must have completed by then.</summary>
internal sealed unsafe class AlignedMemory : IDisposable
{
    public AlignedMemory(int bytes)
    {
        Invariant.Require(bytes > 0 && bytes % Units.BlockBytes == 0);
        Bytes = bytes;
        Pointer = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, Units.BlockBytes);
        NativeMemory.Clear(Pointer, (nuint)bytes);
    }

    ~AlignedMemory() => NativeMemory.AlignedFree(Pointer);

    public byte* Pointer { get; private set; }

    public int Bytes { get; }

    public Span<byte> Span(int offset, int length)
    {
        Invariant.Require((uint)offset <= (uint)Bytes && (uint)length <= (uint)(Bytes - offset));
        return new Span<byte>(Pointer + offset, length);
    }

    /// <summary>A request for a part of this memory; run it with <see cref="IoOperation.RunAsync"/>.</summary>
    public IoOperation Request(IoKind kind, long deviceOffset, int offset, int length, bool durable = false)
    {
        Invariant.Require(offset % Units.BlockBytes == 0 && (uint)length <= (uint)(Bytes - offset));
        IoOperation operation = IoOperation.Rent();
        operation.Prepare(kind, deviceOffset, durable: durable);
        bool added = operation.TryAddSegment(Pointer + offset, length);
        Invariant.Require(added);
        return operation;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
        GC.SuppressFinalize(this);
    }
}

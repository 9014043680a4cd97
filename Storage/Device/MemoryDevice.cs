using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Device;

/// <summary>A device in memory, for tests and for measuring everything but the disk: plain copies, durable at once for as
/// long as the process lives, new and discarded blocks read as zeros.</summary>
internal sealed unsafe class MemoryDevice : IBlockDevice, IDisposable
{
    private readonly CompletionQueue _done;
    private readonly MemoryDevice? _owner;
    private byte* _memory;

    /// <param name="sizeBytes">A multiple of 4096. Pages cost real memory only once they are written.</param>
    public MemoryDevice(Reactor reactor, long sizeBytes)
    {
        Invariant.Require(sizeBytes > 0 && sizeBytes % Units.BlockBytes == 0);
        SizeBytes = sizeBytes;
        _done = new CompletionQueue(reactor);
        _memory = LargeMemory.Allocate(sizeBytes);
    }

    /// <summary>The same memory for another reactor. <paramref name="shared"/> must outlive it; the two must not work on the same
    /// blocks at once, as shards do not.</summary>
    public MemoryDevice(Reactor reactor, MemoryDevice shared)
    {
        SizeBytes = shared.SizeBytes;
        _done = new CompletionQueue(reactor);
        _owner = shared;
        _memory = shared._memory;
    }

    ~MemoryDevice() => Free();

    public long SizeBytes { get; }

    public void Submit(IoRequest request)
    {
        Errno status = RequestBounds.Check(request, SizeBytes);
        if (status is Errno.None) { Execute(request); }
        _done.Add(request, status);
    }

    /// <summary>Takes real memory for the first <paramref name="bytes"/>, where logs and the first units lie. Blocks while it does.</summary>
    public void Populate(long bytes) => LargeMemory.Populate(_memory, Math.Min(bytes, SizeBytes) / Units.BlockBytes * Units.BlockBytes);

    /// <summary>Direct access, for tests that damage or inspect contents.</summary>
    public Span<byte> Contents(long offsetBytes, int lengthBytes)
    {
        Invariant.Require(offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes <= SizeBytes - lengthBytes);
        return new Span<byte>(_memory + offsetBytes, lengthBytes);
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Execute(IoRequest request)
    {
        byte* at = _memory + request.OffsetBytes;
        if (request.Kind is IoKind.Discard)
        {
            LargeMemory.Clear(at, request.LengthBytes);
            return;
        }
        if (request.Kind is IoKind.Flush) { return; }
        for (int i = 0; i < request.SegmentCount; i++)
        {
            IoRequest.Segment segment = request.Segments[i];
            if (request.Kind is IoKind.Read) { NativeMemory.Copy(at, segment.Base, segment.Length); }
            else { NativeMemory.Copy(segment.Base, at, segment.Length); }
            at += segment.Length;
        }
    }

    private void Free()
    {
        if (_owner is null) { LargeMemory.Free(_memory, SizeBytes); }
        _memory = null;
    }
}

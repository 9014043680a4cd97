using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Device;

/// <summary>One device request. Owners derive from it, keep instances pooled and get the outcome in
/// <see cref="OnCompleted"/>. The memory of the segments stays the owner's and must live until then.</summary>
internal abstract unsafe class IoRequest : IDisposable
{
    /// <summary>Most memory segments of one request (IOV_MAX is 1024; a longer list gains nothing).</summary>
    public const int MaxSegments = 256;

    /// <summary>As struct iovec: the kernel reads this array directly.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Segment
    {
        public byte* Base;
        public nuint Length;
    }

    private Segment* _segments;
    private int _segmentCapacity;

    public IoKind Kind { get; private set; }

    /// <summary>Write only: durable (as O_DSYNC) when it completes.</summary>
    public bool Durable { get; private set; }

    public long OffsetBytes { get; private set; }
    public int LengthBytes { get; private set; }
    public int SegmentCount { get; private set; }

    /// <summary>The segments, unmanaged, at a fixed address until the next Prepare or Dispose.</summary>
    public Segment* Segments => _segments;

    /// <summary>Registered-buffer index of a single-segment request, or -1.</summary>
    public int RegisteredIndex { get; set; } = -1;

    /// <summary>Free for the device that serves the request (queue links, slots).</summary>
    internal long DeviceState { get; set; }

    /// <summary>How far partitions have moved <see cref="OffsetBytes"/> on its way to the device.</summary>
    private long _shiftBytes;

    /// <summary>Begins a request; for Read and Write add segments next. Discard needs the length here.</summary>
    public void Prepare(IoKind kind, long offsetBytes, int lengthBytes = 0, bool durable = false)
    {
        Invariant.Require(offsetBytes >= 0 && offsetBytes % Units.BlockBytes == 0);
        Invariant.Require(lengthBytes >= 0 && lengthBytes % Units.BlockBytes == 0);
        Kind = kind;
        OffsetBytes = offsetBytes;
        LengthBytes = kind is IoKind.Discard ? lengthBytes : 0;
        Durable = durable;
        SegmentCount = 0;
        RegisteredIndex = -1;
        _shiftBytes = 0;
    }

    /// <summary>Adds memory for the next bytes; merges with the previous segment when they touch.</summary>
    /// <returns>False when <see cref="MaxSegments"/> is reached.</returns>
    public bool TryAddSegment(byte* memory, int lengthBytes)
    {
        Invariant.Require(lengthBytes > 0 && lengthBytes % Units.BlockBytes == 0);
        Invariant.Require(((nuint)memory & (Units.BlockBytes - 1)) == 0);
        if (SegmentCount > 0 && _segments[SegmentCount - 1].Base + _segments[SegmentCount - 1].Length == memory)
        {
            _segments[SegmentCount - 1].Length += (nuint)lengthBytes;
            LengthBytes += lengthBytes;
            return true;
        }
        if (SegmentCount == MaxSegments) { return false; }
        if (SegmentCount == _segmentCapacity) { Grow(); }
        _segments[SegmentCount++] = new Segment { Base = memory, Length = (nuint)lengthBytes };
        LengthBytes += lengthBytes;
        return true;
    }

    /// <summary>For a device that is a window on another one: moves the request to the outer device's offsets until it
    /// completes.</summary>
    internal void Shift(long bytes)
    {
        OffsetBytes += bytes;
        _shiftBytes += bytes;
    }

    /// <summary>For devices: gives the request back to its owner with the outcome.</summary>
    internal void Complete(Errno status)
    {
        OffsetBytes -= _shiftBytes;
        _shiftBytes = 0;
        OnCompleted(status);
    }

    /// <summary>The outcome; runs inside the reactor's loop. The request may be prepared and submitted again from here.</summary>
    /// <param name="status">None = all bytes were transferred. Anything else: the contents are undefined.</param>
    protected abstract void OnCompleted(Errno status);

    private void Grow()
    {
        int capacity = Math.Max(4, _segmentCapacity * 2);
        _segments = (Segment*)NativeMemory.Realloc(_segments, (nuint)(capacity * sizeof(Segment)));
        _segmentCapacity = capacity;
    }

    public void Dispose()
    {
        NativeMemory.Free(_segments);
        _segments = null;
        _segmentCapacity = 0;
        SegmentCount = 0;
        GC.SuppressFinalize(this);
    }
}

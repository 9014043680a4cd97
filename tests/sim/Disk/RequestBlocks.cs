using System;
using Fastblock.Native.Base;
using Fastblock.Storage.Device;

namespace Fastblock.Tests.Sim.Disk;

/// <summary>The memory of a device request, block by block: its segments are whole blocks.</summary>
internal unsafe ref struct RequestBlocks(IoRequest request)
{
    private int _segment;
    private nuint _at;

    /// <summary>The next block's memory; empty behind the last.</summary>
    public Span<byte> Next()
    {
        if (_segment == request.SegmentCount) { return default; }
        IoRequest.Segment segment = request.Segments[_segment];
        var block = new Span<byte>(segment.Base + _at, Units.BlockBytes);
        _at += Units.BlockBytes;
        if (_at == segment.Length) { (_segment, _at) = (_segment + 1, 0); }
        return block;
    }
}

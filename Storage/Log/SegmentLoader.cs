using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Log;

/// <summary>Brings segments into memory, a few at a time.</summary>
internal sealed class SegmentLoader : IDisposable
{
    /// <summary>The one being replayed, the next one, and one to look ahead into.</summary>
    private const int Images = 3;

    private readonly IBlockDevice _device;
    private readonly long _logOffset;
    private readonly int _segmentBytes;
    private readonly int _segmentCount;
    private readonly SegmentImage[] _images = new SegmentImage[Images];
    private long _uses;

    public SegmentLoader(IBlockDevice part, in ShardSuperblock superblock)
    {
        _device = part;
        _logOffset = superblock.LogOffset;
        _segmentBytes = superblock.SegmentBytes;
        _segmentCount = superblock.SegmentCount;
        for (int i = 0; i < Images; i++) { _images[i] = new SegmentImage(_segmentBytes); }
    }

    /// <summary>The segment's contents; valid until other segments push it out, which the last two never are.</summary>
    public async ReactorTask<SegmentImage> LoadAsync(ulong segment)
    {
        SegmentImage image = _images[0];
        foreach (SegmentImage candidate in _images)
        {
            if (candidate.Segment == segment)
            {
                candidate.LastUse = ++_uses;
                return candidate;
            }
            if (candidate.LastUse < image.LastUse) { image = candidate; }
        }
        image.Segment = segment;
        image.RegionOffset = (long)(segment % (ulong)_segmentCount) * _segmentBytes;
        image.LastUse = ++_uses;
        image.ClearUnreadable();
        Errno status = await ReadAsync(image, 0, _segmentBytes);
        if (status is not Errno.None) { await ReadBlockByBlockAsync(image); }
        return image;
    }

    public void Dispose()
    {
        foreach (SegmentImage image in _images) { image.Dispose(); }
    }

    private ReactorTask<Errno> ReadAsync(SegmentImage image, int offset, int bytes) =>
        image.Memory.Request(IoKind.Read, _logOffset + image.RegionOffset + offset, offset, bytes).RunAsync(_device);

    private async ReactorTask ReadBlockByBlockAsync(SegmentImage image)
    {
        for (int offset = 0; offset < _segmentBytes; offset += Units.BlockBytes)
        {
            Errno status = await ReadAsync(image, offset, Units.BlockBytes);
            if (status is not Errno.None) { image.SetUnreadable(offset); }
        }
    }
}

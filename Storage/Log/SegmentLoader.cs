using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Log;

/// <summary>Brings segments into memory, a few at a time, and the next one while this one is looked at.</summary>
internal sealed class SegmentLoader : IDisposable
{
    /// <summary>The one being replayed, the next one, one to look ahead into, and one that is being read.</summary>
    private const int Images = 4;

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
        SegmentImage? image = Find(segment);
        if (image is null)
        {
            image = LeastUsed();
            if (image.TakeReading(out ReactorTask<Errno> unwanted)) { _ = await unwanted; }
            Begin(image, segment);
        }
        image.LastUse = ++_uses;
        if (image.TakeReading(out ReactorTask<Errno> reading) && await reading is not Errno.None) { await ReadBlockByBlockAsync(image); }
        return image;
    }

    /// <summary>Begins to read a segment that will be asked for soon.</summary>
    public void ReadAhead(ulong segment)
    {
        if (Find(segment) is not null) { return; }
        SegmentImage image = LeastUsed();
        if (!image.IsReading) { Begin(image, segment); }
    }

    /// <summary>Waits for reads that nobody asked for in the end; call before <see cref="Dispose"/>.</summary>
    public async ReactorTask DrainAsync()
    {
        foreach (SegmentImage image in _images)
        {
            if (!image.TakeReading(out ReactorTask<Errno> reading)) { continue; }
            _ = await reading;
            image.Segment = ulong.MaxValue;
        }
    }

    public void Dispose()
    {
        foreach (SegmentImage image in _images) { image.Dispose(); }
    }

    private SegmentImage? Find(ulong segment)
    {
        foreach (SegmentImage image in _images)
        {
            if (image.Segment == segment) { return image; }
        }
        return null;
    }

    private SegmentImage LeastUsed()
    {
        SegmentImage least = _images[0];
        foreach (SegmentImage image in _images)
        {
            if (image.LastUse < least.LastUse) { least = image; }
        }
        return least;
    }

    private void Begin(SegmentImage image, ulong segment)
    {
        image.Segment = segment;
        image.RegionOffset = (long)(segment % (ulong)_segmentCount) * _segmentBytes;
        image.LastUse = ++_uses;
        image.ClearUnreadable();
        image.SetReading(ReadAsync(image, 0, _segmentBytes));
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

using System;
using System.Runtime.InteropServices;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

/// <summary>Recently used checksum pages, found by page number, under a byte limit, outside the managed heap. Second-chance (clock)
/// replacement. Callers copy what they need out at once, so nothing is ever pinned.</summary>
internal sealed unsafe class CrcPageCache : IDisposable
{
    private struct Frame
    {
        public uint Page;
        public bool Used;
        public bool Recent;
    }

    private readonly byte* _memory;
    private readonly Frame[] _frames;
    private readonly UnmanagedMap<U32Key, int> _byPage;
    private int _hand;

    /// <param name="limitBytes">At least one page is kept.</param>
    public CrcPageCache(long limitBytes)
    {
        int frames = (int)Math.Clamp(limitBytes / CrcPageFormat.Bytes, 1, int.MaxValue / 2);
        _frames = new Frame[frames];
        _byPage = new UnmanagedMap<U32Key, int>(frames);
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)frames * CrcPageFormat.Bytes, CrcPageFormat.Bytes);
    }

    public long Hits { get; private set; }
    public long Misses { get; private set; }

    /// <returns>The page's checksums, valid until the next call; null = not here.</returns>
    public uint* TryGet(uint page)
    {
        if (!_byPage.TryGet(new U32Key(page), out int frame))
        {
            Misses++;
            return null;
        }
        Hits++;
        _frames[frame].Recent = true;
        return (uint*)At(frame);
    }

    /// <summary>Keeps a copy, in place of an older one of the same page.</summary>
    public void Put(uint page, byte* contents)
    {
        if (!_byPage.TryGet(new U32Key(page), out int frame))
        {
            frame = Evict();
            _frames[frame] = new Frame { Page = page, Used = true };
            _byPage.Set(new U32Key(page), frame);
        }
        NativeMemory.Copy(contents, At(frame), CrcPageFormat.Bytes);
    }

    /// <summary>The page's place is about to be used for something else.</summary>
    public void Forget(uint page)
    {
        if (!_byPage.TryGet(new U32Key(page), out int frame)) { return; }
        _ = _byPage.Remove(new U32Key(page));
        _frames[frame] = default;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _byPage.Dispose();
    }

    private byte* At(int frame) => _memory + ((nint)frame * CrcPageFormat.Bytes);

    private int Evict()
    {
        while (true)
        {
            int frame = _hand;
            _hand = _hand + 1 == _frames.Length ? 0 : _hand + 1;
            if (!_frames[frame].Used) { return frame; }
            if (!_frames[frame].Recent)
            {
                _ = _byPage.Remove(new U32Key(_frames[frame].Page));
                return frame;
            }
            _frames[frame].Recent = false;
        }
    }
}

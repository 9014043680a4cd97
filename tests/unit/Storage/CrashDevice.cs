using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Device;

namespace Fastblock.Tests.Unit.Storage;

/// <summary>A device that can lose its power. It completes requests later and in random order, keeps plain writes in a volatile
/// cache until a flush, and can be cut off at the n-th write. What then survives: durable writes and flushed ones; of
/// everything else any subset of 512-byte sectors. Reads see the newest data, as from a cache.</summary>
internal sealed unsafe class CrashDevice : IBlockDevice, IRunnable
{
    private sealed class Pending(IoRequest request, ulong number, long offset, byte[] data)
    {
        public IoRequest Request { get; } = request;
        public ulong Number { get; } = number;
        public long Offset { get; } = offset;
        public byte[] Data { get; } = data;
        public bool Durable { get; init; }
        public bool Completed { get; set; }
    }

    private readonly Reactor _reactor;
    private readonly Prng _prng;
    private readonly byte[] _media;
    private readonly ulong[] _sectorVersion;
    private readonly List<Pending> _writes = [];
    private readonly List<(IoRequest Request, ulong FlushUpTo)> _underWay = [];
    private ulong _number;
    private bool _queued;

    public CrashDevice(Reactor reactor, Prng prng, long sizeBytes) : this(reactor, prng, new byte[sizeBytes]) { }

    private CrashDevice(Reactor reactor, Prng prng, byte[] media)
    {
        _reactor = reactor;
        _prng = prng;
        _media = media;
        _sectorVersion = new ulong[media.Length / Units.SectorBytes];
    }

    public long SizeBytes => _media.Length;

    /// <summary>Writes submitted so far (flushes and discards are not counted).</summary>
    public int Writes { get; private set; }

    /// <summary>The power goes when this many writes have been submitted; the last one is caught in the act.</summary>
    public int CutAtWrite { get; set; } = int.MaxValue;

    /// <summary>The write at which the power goes is complete on the medium, instead of torn.</summary>
    public bool LastWriteWhole { get; set; }

    /// <summary>Complete requests at once and in order: for benchmarks of what lies above.</summary>
    public bool Immediate { get; set; }

    /// <summary>Nothing completes any more.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Requests whose range this returns true for fail with Io.</summary>
    public Func<IoKind, long, int, bool>? Fails { get; set; }

    /// <summary>The medium itself, for damaging it. Only meaningful when everything is flushed.</summary>
    public Span<byte> Media => _media;

    public void Submit(IoRequest request)
    {
        Invariant.Require(request.Kind is IoKind.Flush || (request.LengthBytes > 0 && request.OffsetBytes <= SizeBytes - request.LengthBytes));
        if (IsCut) { return; }
        _number++;
        if (request.Kind is IoKind.Write) { Record(request); }
        _underWay.Add((request, _number));
        if (Writes >= CutAtWrite)
        {
            IsCut = true;
            return;
        }
        Wake();
    }

    /// <summary>The device as it comes back after the loss of power (or, with <paramref name="onlyProcess"/>, after the mere
    /// death of the process, which loses nothing that was submitted).</summary>
    public CrashDevice Restart(Reactor reactor, bool onlyProcess = false)
    {
        IsCut = true;
        byte[] media = (byte[])_media.Clone();
        ulong[] versions = (ulong[])_sectorVersion.Clone();
        for (int i = 0; i < _writes.Count; i++)
        {
            Pending write = _writes[i];
            bool whole = onlyProcess || (write.Durable && write.Completed) || (LastWriteWhole && i == _writes.Count - 1);
            int fate = whole ? 1 : _prng.Below(4);
            int sectors = write.Data.Length / Units.SectorBytes;
            int prefix = _prng.Below(sectors + 1);
            for (int s = 0; s < sectors; s++)
            {
                bool survives = fate switch { 0 => false, 1 => true, 2 => s < prefix, _ => _prng.Chance(500_000) };
                long sector = (write.Offset / Units.SectorBytes) + s;
                if (!survives || versions[sector] > write.Number) { continue; }
                versions[sector] = write.Number;
                write.Data.AsSpan(s * Units.SectorBytes, Units.SectorBytes).CopyTo(media.AsSpan((int)(sector * Units.SectorBytes)));
            }
        }
        return new CrashDevice(reactor, _prng.Fork(), media);
    }

    void IRunnable.Run()
    {
        _queued = false;
        if (IsCut) { return; }
        for (int count = _underWay.Count; count > 0 && _underWay.Count > 0; count--)
        {
            if (!Immediate && _prng.Chance(300_000)) { continue; }
            int at = Immediate ? 0 : _prng.Below(_underWay.Count);
            (IoRequest request, ulong number) = _underWay[at];
            _underWay.RemoveAt(at);
            request.Complete(Execute(request, number));
            if (IsCut) { return; }
        }
        if (_underWay.Count > 0) { Wake(); }
    }

    private void Wake()
    {
        if (_queued) { return; }
        _queued = true;
        _reactor.Enqueue(this);
    }

    private void Record(IoRequest request)
    {
        Writes++;
        byte[] data = new byte[request.LengthBytes];
        int at = 0;
        for (int i = 0; i < request.SegmentCount; i++)
        {
            IoRequest.Segment segment = request.Segments[i];
            new ReadOnlySpan<byte>(segment.Base, (int)segment.Length).CopyTo(data.AsSpan(at));
            at += (int)segment.Length;
        }
        _writes.Add(new Pending(request, _number, request.OffsetBytes, data) { Durable = request.Durable });
    }

    private Errno Execute(IoRequest request, ulong number)
    {
        if (Fails is not null && Fails(request.Kind, request.OffsetBytes, request.LengthBytes)) { return Errno.Io; }
        switch (request.Kind)
        {
            case IoKind.Write:
                Pending write = _writes.Find(w => w.Number == number)!;
                write.Completed = true;
                if (write.Durable) { Settle(write); }
                break;
            case IoKind.Flush:
                foreach (Pending done in _writes.FindAll(w => w.Completed && w.Number < number)) { Settle(done); }
                break;
            case IoKind.Read:
                Read(request);
                break;
            default:
                _media.AsSpan((int)request.OffsetBytes, request.LengthBytes).Fill(0xDD);
                break;
        }
        return Errno.None;
    }

    /// <summary>Moves a write from the cache to the medium, unless newer data are there already.</summary>
    private void Settle(Pending write)
    {
        for (int at = 0; at < write.Data.Length; at += Units.SectorBytes)
        {
            long sector = (write.Offset + at) / Units.SectorBytes;
            if (_sectorVersion[sector] > write.Number) { continue; }
            _sectorVersion[sector] = write.Number;
            write.Data.AsSpan(at, Units.SectorBytes).CopyTo(_media.AsSpan((int)(sector * Units.SectorBytes)));
        }
        _ = _writes.Remove(write);
    }

    private void Read(IoRequest request)
    {
        byte[] data = _media.AsSpan((int)request.OffsetBytes, request.LengthBytes).ToArray();
        foreach (Pending write in _writes)
        {
            if (!write.Completed) { continue; }
            long first = Math.Max(write.Offset, request.OffsetBytes);
            long end = Math.Min(write.Offset + write.Data.Length, request.OffsetBytes + data.Length);
            if (first >= end) { continue; }
            for (long at = first; at < end; at += Units.SectorBytes)
            {
                if (_sectorVersion[at / Units.SectorBytes] > write.Number) { continue; }
                write.Data.AsSpan((int)(at - write.Offset), Units.SectorBytes).CopyTo(data.AsSpan((int)(at - request.OffsetBytes)));
            }
        }
        int from = 0;
        for (int i = 0; i < request.SegmentCount; i++)
        {
            IoRequest.Segment segment = request.Segments[i];
            Marshal.Copy(data, from, (nint)segment.Base, (int)segment.Length);
            from += (int)segment.Length;
        }
    }
}

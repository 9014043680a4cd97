using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Storage.Device;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>A device that completes requests in any order, some time after their submission, with the effect at completion: so
/// that whoever re-uses a place too early is seen. Writes become durable with a flush that was submitted after they completed;
/// at a power cut the others are kept, lost or torn, each by itself.</summary>
internal sealed unsafe class SlowDevice(long sizeBytes, Prng prng) : IBlockDevice
{
    private readonly record struct Pending(IoRequest Request, long Covers);

    private readonly List<Pending> _pending = [];
    private readonly List<(long Offset, byte[] Old)> _unflushed = []; // in order of completion, with what was there before

    /// <summary>What a reader sees now.</summary>
    public byte[] Bytes { get; private set; } = new byte[sizeBytes];

    public long SizeBytes => sizeBytes;
    public bool HasPending => _pending.Count > 0;
    public int MostPending { get; private set; }
    public long Writes { get; private set; }
    public long Discards { get; private set; }

    /// <summary>Completes nothing any more once this many writes and flushes have completed; -1 = never.</summary>
    public long StopAfter { get; set; } = -1;

    /// <summary>Writes and flushes completed.</summary>
    public long Steps { get; private set; }

    public bool IsStopped => StopAfter >= 0 && Steps >= StopAfter;

    /// <summary>Fails reads that touch this offset with Io.</summary>
    public long FailReadsAt { get; set; } = -1;

    public bool FailWrites { get; set; }

    public long HoldFrom { get; set; }

    /// <summary>Reads from <see cref="HoldFrom"/> on stay pending.</summary>
    public bool HoldReads { get; set; }

    public void CountStep() => Steps++;

    public void Submit(IoRequest request)
    {
        _pending.Add(new Pending(request, _unflushed.Count));
        MostPending = Math.Max(MostPending, _pending.Count);
    }

    /// <summary>Completes some of what is pending.</summary>
    public void Pump(bool all = false)
    {
        int count = all ? _pending.Count : prng.Below(_pending.Count + 1);
        for (int i = 0; i < count && _pending.Count > 0; i++)
        {
            if (IsStopped) { return; }
            int pick = all ? 0 : prng.Below(_pending.Count);
            Pending pending = _pending[pick];
            if (HoldReads && pending.Request.Kind is IoKind.Read && pending.Request.OffsetBytes >= HoldFrom) { continue; }
            _pending.RemoveAt(pick);
            pending.Request.Complete(Execute(pending));
        }
    }

    /// <summary>Loses what was not flushed, at random, and everything pending.</summary>
    public void CutPower()
    {
        foreach (Pending pending in _pending)
        {
            // A write under way may have reached the medium, whole or in part.
            if (pending.Request.Kind is IoKind.Write && prng.Chance(300_000)) { _ = Execute(pending, torn: prng.Chance(500_000)); }
        }
        _pending.Clear();
        for (int i = _unflushed.Count - 1; i >= 0; i--)
        {
            if (prng.Chance(500_000)) { continue; }
            (long offset, byte[] old) = _unflushed[i];
            int length = prng.Chance(300_000) ? prng.Below(old.Length / 512) * 512 : old.Length;
            old.AsSpan(0, length).CopyTo(Bytes.AsSpan((int)offset));
        }
        _unflushed.Clear();
        StopAfter = -1;
    }

    private Errno Execute(Pending pending, bool torn = false)
    {
        IoRequest request = pending.Request;
        switch (request.Kind)
        {
            case IoKind.Flush:
                Steps++;
                _unflushed.RemoveRange(0, (int)Math.Min(pending.Covers, _unflushed.Count));
                // Later flushes in flight covered a longer prefix: their counts shrink with the list.
                for (int i = 0; i < _pending.Count; i++)
                {
                    _pending[i] = _pending[i] with { Covers = Math.Max(0, _pending[i].Covers - pending.Covers) };
                }
                return Errno.None;
            case IoKind.Discard:
                Discards++;
                Bytes.AsSpan((int)request.OffsetBytes, request.LengthBytes).Fill(0xEE);
                return Errno.None;
            case IoKind.Write:
                Steps++;
                Writes++;
                if (FailWrites) { return Errno.Io; }
                Copy(request, write: true, torn);
                return Errno.None;
            default:
                if (FailReadsAt >= request.OffsetBytes && FailReadsAt < request.OffsetBytes + request.LengthBytes)
                {
                    return Errno.Io;
                }
                Copy(request, write: false, torn: false);
                return Errno.None;
        }
    }

    private void Copy(IoRequest request, bool write, bool torn)
    {
        if (write)
        {
            _unflushed.Add((request.OffsetBytes, Bytes.AsSpan((int)request.OffsetBytes, request.LengthBytes).ToArray()));
        }
        int limit = torn ? prng.Below(request.LengthBytes / 512) * 512 : request.LengthBytes;
        int done = 0;
        for (int s = 0; s < request.SegmentCount && done < limit; s++)
        {
            int length = Math.Min((int)request.Segments[s].Length, limit - done);
            Span<byte> memory = new(request.Segments[s].Base, length);
            Span<byte> device = Bytes.AsSpan((int)request.OffsetBytes + done, length);
            if (write) { memory.CopyTo(device); } else { device.CopyTo(memory); }
            done += length;
        }
    }
}

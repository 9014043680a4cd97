using System;
using System.Numerics;
using System.Runtime.InteropServices;
using Fastblock.Native.Reactor;

namespace Fastblock.Storage.Log;

/// <summary>Recent entries in memory: headers and checksums in a ring of bytes, payloads as retained buffers. What is not
/// durable yet is always here (it cannot be read from the device), so an append that would push such an entry out is refused.
/// A ticket is a running number; whether it is still good is a comparison.</summary>
internal sealed unsafe class EntryCache : IDisposable
{
    private struct Payload
    {
        public PooledBuffer? Buffer;
        public int Offset;
    }

    private byte* _headers;
    private readonly ulong _headerBytes;
    private readonly Payload[] _payloads;
    private readonly long _byteLimit;
    private ulong _headerEnd = 8; // so that 0 is no ticket
    private ulong _headerDurable = 8;
    private ulong _payloadEnd = 1;
    private ulong _payloadFirst = 1;
    private ulong _payloadDurable = 1;
    private long _bytes;

    public EntryCache(int headerBytes, int payloads, long byteLimit)
    {
        _headerBytes = BitOperations.RoundUpToPowerOf2((uint)headerBytes);
        _headers = (byte*)NativeMemory.Alloc((nuint)_headerBytes);
        _payloads = new Payload[(int)BitOperations.RoundUpToPowerOf2((uint)payloads)];
        _byteLimit = byteLimit;
    }

    ~EntryCache() => NativeMemory.Free(_headers);

    /// <summary>Ends of the two rings: what a write covers; see <see cref="OnDurable"/>.</summary>
    public ulong HeaderEnd => _headerEnd;

    public ulong PayloadEnd => _payloadEnd;

    /// <summary>True when an entry can be added without pushing out one that is not durable.</summary>
    public bool HasRoom(int bytes, bool payload) =>
        HeaderPlace(bytes) + (ulong)bytes <= _headerDurable + _headerBytes
        && (!payload || _payloadEnd - _payloadDurable < (ulong)_payloads.Length);

    /// <summary>Stores header and checksums; there must be room.</summary>
    public ulong AddHeader(ReadOnlySpan<byte> header, ReadOnlySpan<byte> crcs)
    {
        ulong ticket = HeaderPlace(header.Length + crcs.Length);
        Span<byte> to = At(ticket, header.Length + crcs.Length);
        header.CopyTo(to);
        crcs.CopyTo(to[header.Length..]);
        _headerEnd = ticket + (((ulong)(header.Length + crcs.Length) + 7) & ~7UL);
        return ticket;
    }

    /// <summary>Retains a payload; there must be room.</summary>
    public ulong AddPayload(PooledBuffer buffer, int offset)
    {
        if (_payloadEnd - _payloadFirst == (ulong)_payloads.Length) { Evict(); }
        buffer.RetainForCache();
        _payloads[Slot(_payloadEnd)] = new Payload { Buffer = buffer, Offset = offset };
        _bytes += buffer.Capacity;
        TrimDurable();
        return _payloadEnd++;
    }

    public bool TryGetHeader(ulong ticket, int bytes, out ReadOnlySpan<byte> headerAndCrcs)
    {
        bool there = ticket != 0 && ticket + _headerBytes >= _headerEnd;
        headerAndCrcs = there ? At(ticket, bytes) : default;
        return there;
    }

    public bool TryGetPayload(ulong ticket, out PooledBuffer? buffer, out int offset)
    {
        bool there = ticket >= _payloadFirst && ticket < _payloadEnd;
        Payload payload = there ? _payloads[Slot(ticket)] : default;
        (buffer, offset) = (payload.Buffer, payload.Offset);
        return buffer is not null;
    }

    /// <summary>Everything added before the rings had these ends is durable.</summary>
    public void OnDurable(ulong headerEnd, ulong payloadEnd)
    {
        _headerDurable = headerEnd;
        _payloadDurable = payloadEnd;
        TrimDurable();
    }

    /// <summary>Drops the buffers of durable entries that nobody else holds: somebody needs them more. Those of entries that
    /// are still on their way would not become free by it, and would have to be read back.</summary>
    public void DropIdle()
    {
        for (ulong at = _payloadFirst; at < _payloadDurable; at++)
        {
            if (_payloads[Slot(at)].Buffer is { IsIdle: true }) { Drop(at); }
        }
    }

    /// <summary>Drops all buffers: the log is being closed or has failed.</summary>
    public void Clear()
    {
        while (_payloadFirst < _payloadEnd) { Evict(); }
    }

    public void Dispose()
    {
        Clear();
        NativeMemory.Free(_headers);
        _headers = null;
        GC.SuppressFinalize(this);
    }

    /// <summary>The oldest go first. One that somebody else holds stays, and what came later with it: nothing would become free by
    /// dropping it, and a follower that still needs the entry would have to be fed from the device.</summary>
    private void TrimDurable()
    {
        while (_bytes > _byteLimit && _payloadFirst < _payloadDurable)
        {
            if (_payloads[Slot(_payloadFirst)].Buffer is { IsIdle: false }) { return; }
            Evict();
        }
    }

    private void Evict() => Drop(_payloadFirst++);

    private void Drop(ulong ticket)
    {
        ref Payload payload = ref _payloads[Slot(ticket)];
        if (payload.Buffer is null) { return; } // dropped before its turn
        _bytes -= payload.Buffer.Capacity;
        payload.Buffer.ReleaseFromCache();
        payload.Buffer = null;
    }

    private int Slot(ulong ticket) => (int)(ticket & (ulong)(_payloads.Length - 1));

    /// <summary>Where the next header goes: an item never wraps around the end of the memory.</summary>
    private ulong HeaderPlace(int bytes)
    {
        ulong room = _headerBytes - (_headerEnd & (_headerBytes - 1));
        return (ulong)bytes <= room ? _headerEnd : _headerEnd + room;
    }

    private Span<byte> At(ulong ticket, int bytes) => new(_headers + (ticket & (_headerBytes - 1)), bytes);
}

using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Linux;
using Fastblock.Native.Reactor;

namespace Fastblock.Net.Transport.Tcp;

/// <summary>What one sendmsg is to carry: copied bytes in an arena of its own, and retained pieces of pooled buffers between
/// them. A stream has two: one gathers while the kernel works on the other.</summary>
internal sealed unsafe class SendBatch : IDisposable
{
    private const int MaxVectors = 1024; // IOV_MAX
    private const int KeptArenaBytes = (int)(256 * Units.KiB);

    /// <summary>Without a buffer it means a piece of the arena, which may still move while the batch gathers.</summary>
    private struct Piece
    {
        public PooledBuffer? Buffer;
        public int Offset;
        public int Length;
    }

    private Piece[] _pieces = new Piece[64];
    private int _count;
    private int _next;       // first piece that is not sent completely
    private int _nextSent;   // bytes of it that are
    private byte* _arena;
    private int _arenaCapacity, _arenaBytes;
    private IoVector* _vectors;
    private int _vectorCapacity;

    /// <summary>Bytes added and not yet sent.</summary>
    public int Bytes { get; private set; }

    public bool IsEmpty => Bytes == 0;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) { return; }
        if (bytes.Length > _arenaCapacity - _arenaBytes) { GrowArena(bytes.Length); }
        bytes.CopyTo(new Span<byte>(_arena + _arenaBytes, bytes.Length));
        if (_count > 0 && _pieces[_count - 1].Buffer is null)
        {
            _pieces[_count - 1].Length += bytes.Length; // the arena's newest piece ends where these bytes begin
        }
        else
        {
            Append(new Piece { Offset = _arenaBytes, Length = bytes.Length });
        }
        _arenaBytes += bytes.Length;
        Bytes += bytes.Length;
    }

    /// <summary>Takes a reference until the bytes are sent.</summary>
    public void Add(in PayloadPart part)
    {
        if (part.Length == 0) { return; }
        Invariant.Require((uint)part.Offset <= (uint)part.Buffer.Capacity);
        Invariant.Require((uint)part.Length <= (uint)(part.Buffer.Capacity - part.Offset));
        part.Buffer.Retain();
        Append(new Piece { Buffer = part.Buffer, Offset = part.Offset, Length = part.Length });
        Bytes += part.Length;
    }

    /// <summary>Describes what is left, as much as fits in one call. The header points into this batch, which must not get
    /// more until <see cref="Advance"/>.</summary>
    public void Describe(MessageHeader* header)
    {
        int vectors = Math.Min(_count - _next, MaxVectors);
        if (vectors > _vectorCapacity)
        {
            _vectorCapacity = Math.Min(MaxVectors, Math.Max(16, vectors * 2));
            _vectors = (IoVector*)NativeMemory.Realloc(_vectors, (nuint)(_vectorCapacity * sizeof(IoVector)));
        }
        for (int i = 0; i < vectors; i++)
        {
            ref Piece piece = ref _pieces[_next + i];
            int skip = i == 0 ? _nextSent : 0;
            byte* start = piece.Buffer is null ? _arena : piece.Buffer.Pointer;
            _vectors[i] = new IoVector { Base = start + piece.Offset + skip, Length = (nuint)(piece.Length - skip) };
        }
        *header = default;
        header->Vectors = _vectors;
        header->VectorCount = (nuint)vectors;
    }

    /// <summary>The kernel took <paramref name="bytes"/>; buffers that are sent completely are let go.</summary>
    public void Advance(int bytes)
    {
        Invariant.Require(bytes <= Bytes);
        Bytes -= bytes;
        while (bytes > 0)
        {
            ref Piece piece = ref _pieces[_next];
            int rest = piece.Length - _nextSent;
            if (bytes < rest)
            {
                _nextSent += bytes;
                return;
            }
            bytes -= rest;
            piece.Buffer?.Release();
            piece = default;
            _next++;
            _nextSent = 0;
        }
        if (Bytes == 0) { Reset(); }
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        for (int i = _next; i < _count; i++)
        {
            _pieces[i].Buffer?.Release();
            _pieces[i] = default;
        }
        Bytes = 0;
        Reset();
    }

    public void Dispose()
    {
        Clear();
        NativeMemory.Free(_arena);
        NativeMemory.Free(_vectors);
        _arena = null;
        _vectors = null;
        _arenaCapacity = 0;
        _vectorCapacity = 0;
    }

    private void Reset()
    {
        _count = 0;
        _next = 0;
        _nextSent = 0;
        _arenaBytes = 0;
        if (_arenaCapacity > KeptArenaBytes)
        {
            // One long control message must not hold megabytes per connection for ever.
            NativeMemory.Free(_arena);
            _arena = null;
            _arenaCapacity = 0;
        }
    }

    private void Append(Piece piece)
    {
        if (_count == _pieces.Length) { Array.Resize(ref _pieces, _count * 2); }
        _pieces[_count++] = piece;
    }

    private void GrowArena(int bytes)
    {
        int needed = _arenaBytes + bytes;
        int capacity = Math.Max(4096, _arenaCapacity);
        while (capacity < needed) { capacity *= 2; }
        _arena = (byte*)NativeMemory.Realloc(_arena, (nuint)capacity);
        _arenaCapacity = capacity;
    }
}

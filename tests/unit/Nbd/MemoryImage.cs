using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;

namespace Fastblock.Tests.Unit.Nbd;

/// <summary>An image in memory. Completes in the reactor's run phase, in an order drawn from a seed.</summary>
internal sealed class MemoryImage(Reactor reactor, long sizeBytes, bool readOnly = false) : IImage, IRunnable
{
    private readonly System.Collections.Generic.List<ImageIo> _pending = [];
    private readonly Prng _prng = new(5);
    private bool _isQueued;

    public string Name => "vol/demo";
    public long SizeBytes { get; set; } = sizeBytes;
    public bool IsReadOnly { get; } = readOnly;
    public byte[] Data { get; } = new byte[sizeBytes + 4096];
    public bool[] Mapped { get; } = new bool[sizeBytes / 4096 + 2];

    /// <summary>What every I/O ends with, if set.</summary>
    public Errno Failure { get; set; }

    /// <summary>Nothing completes while set.</summary>
    public bool IsStuck { get; set; }

    public int Pending => _pending.Count;
    public int Largest { get; private set; }
    public int Submitted { get; private set; }

    public void Submit(ImageIo io)
    {
        Submitted++;
        _pending.Add(io);
        Largest = Math.Max(Largest, _pending.Count);
        Kick();
    }

    public void Kick()
    {
        if (_isQueued) { return; }
        _isQueued = true;
        reactor.Enqueue(this);
    }

    public void Run()
    {
        _isQueued = false;
        if (IsStuck) { return; }
        for (int n = _pending.Count; n > 0; n--)
        {
            int pick = _prng.Below(_pending.Count);
            ImageIo io = _pending[pick];
            _pending.RemoveAt(pick);
            Execute(io);
            io.Complete();
        }
    }

    private void Execute(ImageIo io)
    {
        if (Failure != Errno.None)
        {
            io.Fail(Failure);
            return;
        }
        Invariant.Require(io.OffsetBytes >= 0 && io.OffsetBytes + io.LengthBytes <= SizeBytes);
        Invariant.Require((io.OffsetBytes | io.LengthBytes) % 512 == 0);
        int at = (int)io.OffsetBytes;
        switch (io.Op)
        {
            case ImageOp.Write:
                foreach (ref readonly PayloadPart part in io.Data)
                {
                    Invariant.Require(at % 4096 == part.Offset % 4096);
                    part.Buffer.Span(part.Offset, part.Length).CopyTo(Data.AsSpan(at, part.Length));
                    at += part.Length;
                }
                Invariant.Require(at == io.OffsetBytes + io.LengthBytes);
                Map(io, true);
                break;
            case ImageOp.Discard or ImageOp.WriteZeroes:
                Data.AsSpan(at, (int)io.LengthBytes).Clear();
                if (!io.NoHole && (io.OffsetBytes | io.LengthBytes) % 4096 == 0) { Map(io, false); }
                break;
            case ImageOp.Read:
                Read(io);
                break;
            case ImageOp.BlockMap:
                for (int i = 0; i < (io.LengthBytes + 4095) / 4096; i++)
                {
                    if (Mapped[at / 4096 + i]) { io.SetMapped(i); }
                }
                break;
        }
    }

    private void Map(ImageIo io, bool mapped)
    {
        for (long b = io.OffsetBytes / 4096; b <= (io.OffsetBytes + io.LengthBytes - 1) / 4096; b++) { Mapped[b] = mapped; }
    }

    private void Read(ImageIo io)
    {
        // One piece per 64 KiB; a hole where nothing of it was ever written.
        long at = io.OffsetBytes, end = io.OffsetBytes + io.LengthBytes;
        for (int piece = 0; at < end; piece++)
        {
            int length = (int)Math.Min(end - at, 65536 - at % 65536);
            bool any = false;
            for (long b = at / 4096; b <= (at + length - 1) / 4096; b++) { any |= Mapped[b]; }
            PooledBuffer? buffer = any ? reactor.Buffers.TryRent(length) : null;
            Invariant.Require(!any || buffer is not null);
            if (buffer is not null) { Data.AsSpan((int)at, length).CopyTo(buffer.Span(0, length)); }
            io.SetPiece(piece, new ReadPiece(buffer, 0, length));
            at += length;
        }
    }
}

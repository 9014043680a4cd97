using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Client;

/// <summary>One I/O on an image. Owners keep instances pooled: prepare, submit, get it back by
/// <see cref="IImageIoListener.OnCompleted"/>, take the results, <see cref="Reset"/>, use again.
/// <para>Buffers: a write's parts stay the owner's; it must not change their bytes before completion, and afterwards must
/// release them to the pool rather than fill them again while <c>References &gt; 1</c> (a repetition may still be queued on a
/// connection). A read brings its own buffers as <see cref="Pieces"/>; Reset drops the references held on them.</para></summary>
internal sealed class ImageIo(IImageIoListener listener)
{
    /// <summary>Largest read or write, in bytes; what NBD allows. Bounds the number of pieces.</summary>
    public const int MaxDataBytes = (int)(32 * Units.MiB);

    /// <summary>Largest range of one BlockMap, in bytes: bounds the bitmap.</summary>
    public const long MaxMapRangeBytes = 256 * Units.MiB;

    private PayloadPart[] _data = new PayloadPart[2];
    private int _dataCount;
    private ReadPiece[] _pieces = new ReadPiece[2];
    private int _pieceCount;
    private byte[] _map = [];

    public IImageIoListener Listener { get; } = listener;
    public ImageOp Op { get; private set; }
    public long OffsetBytes { get; private set; }
    public long LengthBytes { get; private set; }

    /// <summary>WriteZeroes: keep the space taken.</summary>
    public bool NoHole { get; set; }

    /// <summary>Free for the owner.</summary>
    public object? Owner { get; set; }

    /// <summary>Free for the owner.</summary>
    public long Cookie { get; set; }

    /// <summary>The outcome: None; NoSpace; Stale = another client has taken the image over; ReadOnly; Invalid = outside of
    /// the image or not whole sectors; Io = damaged where it is read; NotFound = the image is gone; ShutDown.</summary>
    public Errno Status { get; private set; }

    /// <summary>Write: what is to be written, in order.</summary>
    public ReadOnlySpan<PayloadPart> Data => _data.AsSpan(0, _dataCount);

    /// <summary>Read: what was read, in order; together LengthBytes.</summary>
    public ReadOnlySpan<ReadPiece> Pieces => _pieces.AsSpan(0, _pieceCount);

    /// <summary>BlockMap: bit i (i % 8 of byte i / 8) = block i of the range has data.</summary>
    public ReadOnlySpan<byte> Map => _map.AsSpan(0, Op == ImageOp.BlockMap ? MapBytes : 0);

    /// <summary>Read: true when nothing at all is stored in the range.</summary>
    public bool IsHole
    {
        get
        {
            foreach (ref readonly ReadPiece piece in Pieces)
            {
                if (!piece.IsHole) { return false; }
            }
            return true;
        }
    }

    internal ImageIo? Next { get; set; }
    internal ImageIoProgress Progress;

    private int MapBytes => (int)((Units.BlocksRoundedUp(LengthBytes) + 7) / 8);

    /// <summary>Begins an operation; a Write needs its data next. Ranges are checked at Submit.</summary>
    public void Prepare(ImageOp op, long offsetBytes, long lengthBytes)
    {
        Invariant.Require(Progress.PartsInFlight == 0);
        Reset();
        Op = op;
        OffsetBytes = offsetBytes;
        LengthBytes = lengthBytes;
        if (op == ImageOp.BlockMap && lengthBytes is > 0 and <= MaxMapRangeBytes)
        {
            if (_map.Length < MapBytes) { _map = new byte[MapBytes]; }
            Array.Clear(_map, 0, MapBytes);
        }
    }

    /// <summary>Adds the next bytes of a Write; together they must be LengthBytes.</summary>
    public void AddData(PooledBuffer buffer, int offset, int length)
    {
        if (_dataCount == _data.Length) { Array.Resize(ref _data, _dataCount * 2); }
        _data[_dataCount++] = new PayloadPart(buffer, offset, length);
    }

    /// <summary>Lets go of the results and forgets everything but the owner.</summary>
    public void Reset()
    {
        for (int i = 0; i < _pieceCount; i++)
        {
            _pieces[i].Buffer?.Release();
            _pieces[i] = default;
        }
        _pieceCount = 0;
        Array.Clear(_data, 0, _dataCount);
        _dataCount = 0;
        Op = ImageOp.None;
        NoHole = false;
        Status = Errno.None;
        Progress = default;
    }

    /// <summary>Copies what was read; <paramref name="target"/> has LengthBytes.</summary>
    public void CopyTo(Span<byte> target)
    {
        foreach (ref readonly ReadPiece piece in Pieces)
        {
            Span<byte> part = target[..piece.Length];
            if (piece.Buffer is null) { part.Clear(); }
            else { piece.Buffer.Span(piece.Offset, piece.Length).CopyTo(part); }
            target = target[piece.Length..];
        }
    }

    /// <summary>Image side: sets piece <paramref name="index"/>; takes over a reference on the buffer.</summary>
    internal void SetPiece(int index, ReadPiece piece)
    {
        while (index >= _pieces.Length) { Array.Resize(ref _pieces, _pieces.Length * 2); }
        _pieceCount = Math.Max(_pieceCount, index + 1);
        Invariant.Require(_pieces[index].Buffer is null);
        _pieces[index] = piece;
    }

    /// <summary>Image side: marks block <paramref name="block"/> of a BlockMap range as holding data.</summary>
    internal void SetMapped(int block) => _map[block / 8] |= (byte)(1 << (block % 8));

    /// <summary>Image side: the first error wins.</summary>
    internal void Fail(Errno status)
    {
        if (Status == Errno.None) { Status = status; }
    }

    /// <summary>Image side: hands the I/O back.</summary>
    internal void Complete() => Listener.OnCompleted(this);

    /// <summary>Image side: the data parts that make up [from, from + length) of a Write.</summary>
    /// <returns>How many parts were put into <paramref name="into"/> from <paramref name="at"/> on.</returns>
    internal int SliceData(long from, int length, PayloadPart[] into, int at)
    {
        int count = 0;
        foreach (ref readonly PayloadPart part in Data)
        {
            if (from >= part.Length)
            {
                from -= part.Length;
                continue;
            }
            int take = (int)Math.Min(part.Length - from, length);
            into[at + count++] = new PayloadPart(part.Buffer, part.Offset + (int)from, take);
            from = 0;
            length -= take;
            if (length == 0) { break; }
        }
        Invariant.Require(length == 0);
        return count;
    }
}

using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;

namespace Fastblock.Roles.Nbd;

/// <summary>Answers. Data goes out from the buffers that it came in from the OSDs.</summary>
internal sealed partial class NbdConnection
{
    private readonly byte[] _head = new byte[64];
    private byte[] _extents = new byte[256];
    private PayloadPart[] _parts = new PayloadPart[8];

    void IImageIoListener.OnCompleted(ImageIo io)
    {
        NbdRequest request = (NbdRequest)io.Owner!;
        request.IosInFlight--;
        if (io.Status != Errno.None && request.Error == NbdError.None) { request.Error = NbdError.Of(io.Status, writes: io.Op is ImageOp.Write or ImageOp.WriteZeroes); }
        if (io.Op == ImageOp.Write) { GiveBackData(io); }
        if (io.Op == ImageOp.Read)
        {
            if (request.Error == NbdError.None) { SendRead(request, io); }
            _unsentBytes += io.LengthBytes; // in the socket's queue now; given back as that empties
        }
        if (io.Op == ImageOp.BlockMap && request.Error == NbdError.None) { SendBlockStatus(request, io); }
        io.Reset();
        io.Owner = null;
        _freeIos.Push(io);
        if (request.IsPiecewise && !request.IsStarted) { StartReads(request); }
        if (request.IosInFlight == 0 && request.IsStarted) { Finish(request); }
        Unblock();
    }

    private void GiveBackData(ImageIo io)
    {
        foreach (ref readonly PayloadPart part in io.Data) { part.Buffer.Release(); }
        GiveBudget(io.LengthBytes);
    }

    /// <summary>Ends a request: sends what is still to be said and frees it.</summary>
    private void Finish(NbdRequest request)
    {
        if (request.Error != NbdError.None)
        {
            _server.Stats.Errors++;
            SendError(request);
        }
        else if (request.Type is not (NbdWire.CMD_READ or NbdWire.CMD_BLOCK_STATUS))
        {
            SendSimple(request.Cookie, NbdError.None, 0);
        }
        else if (request.IsPiecewise || request.LengthBytes == 0)
        {
            SendReadEnd(request);
        }
        if (request.Error == NbdError.None) { CountLatency(request); }
        GiveBudget(request.BudgetBytes);
        request.Clear();
        _requestsInFlight--;
        _freeRequests.Push(request);
        EndIfIdle();
    }

    private void CountLatency(NbdRequest request)
    {
        long nanos = _server.Reactor.NowNanos - request.ArrivedNanos;
        if (request.Type == NbdWire.CMD_READ) { _server.Stats.ReadLatency.Record(nanos); }
        else if (request.Type is NbdWire.CMD_WRITE or NbdWire.CMD_WRITE_ZEROES) { _server.Stats.WriteLatency.Record(nanos); }
    }

    private void SendError(NbdRequest request)
    {
        bool needsChunk = request.Type is NbdWire.CMD_READ or NbdWire.CMD_BLOCK_STATUS;
        if (!needsChunk || !_handshake.IsStructured)
        {
            SendSimple(request.Cookie, request.Error, 0);
            return;
        }
        Span<byte> body = Chunk(request.Cookie, NbdWire.REPLY_FLAG_DONE, NbdWire.REPLY_TYPE_ERROR, bodyBytes: 6, dataBytes: 0);
        BinaryPrimitives.WriteUInt32BigEndian(body, request.Error);
        BinaryPrimitives.WriteUInt16BigEndian(body[4..], 0);
        Send(20 + 6, 0);
    }

    private void SendReadEnd(NbdRequest request)
    {
        if (!_handshake.IsStructured)
        {
            SendSimple(request.Cookie, NbdError.None, 0);
            return;
        }
        _ = Chunk(request.Cookie, NbdWire.REPLY_FLAG_DONE, NbdWire.REPLY_TYPE_NONE, 0, 0);
        Send(20, 0);
    }

    private void SendRead(NbdRequest request, ImageIo io)
    {
        _server.Stats.ReadBytes += io.LengthBytes;
        bool inOne = !_handshake.IsStructured || (request.Flags & NbdWire.CMD_FLAG_DF) != 0;
        if (inOne)
        {
            int parts = 0;
            foreach (ref readonly ReadPiece piece in io.Pieces) { parts = AddPart(parts, in piece); }
            if (!_handshake.IsStructured)
            {
                SendSimple(request.Cookie, NbdError.None, parts);
                return;
            }
            SendData(request, io.OffsetBytes, (int)io.LengthBytes, parts, isLast: true);
            return;
        }
        // One chunk for each run of holes or of data; the last of a read that is not piecewise also ends the reply.
        long at = io.OffsetBytes;
        ReadOnlySpan<ReadPiece> pieces = io.Pieces;
        for (int i = 0; i < pieces.Length;)
        {
            bool hole = pieces[i].IsHole;
            int parts = 0;
            int length = 0;
            for (; i < pieces.Length && pieces[i].IsHole == hole; i++)
            {
                length += pieces[i].Length;
                if (!hole) { parts = AddPart(parts, in pieces[i]); }
            }
            bool isLast = i == pieces.Length && !request.IsPiecewise;
            if (hole) { SendHole(request, at, length, isLast); } else { SendData(request, at, length, parts, isLast); }
            at += length;
        }
    }

    private void SendData(NbdRequest request, long at, int length, int parts, bool isLast)
    {
        Span<byte> body = Chunk(request.Cookie, isLast ? NbdWire.REPLY_FLAG_DONE : (ushort)0, NbdWire.REPLY_TYPE_OFFSET_DATA,
            bodyBytes: 8, dataBytes: length);
        BinaryPrimitives.WriteInt64BigEndian(body, at);
        Send(20 + 8, parts);
    }

    private void SendHole(NbdRequest request, long at, int length, bool isLast)
    {
        Span<byte> body = Chunk(request.Cookie, isLast ? NbdWire.REPLY_FLAG_DONE : (ushort)0, NbdWire.REPLY_TYPE_OFFSET_HOLE,
            bodyBytes: 12, dataBytes: 0);
        BinaryPrimitives.WriteInt64BigEndian(body, at);
        BinaryPrimitives.WriteInt32BigEndian(body[8..], length);
        Send(20 + 12, 0);
    }

    /// <summary>Runs of equal blocks, from the first byte asked for on; the map begins at the block that it lies in.</summary>
    private void SendBlockStatus(NbdRequest request, ImageIo io)
    {
        int maxExtents = (request.Flags & NbdWire.CMD_FLAG_REQ_ONE) != 0 ? 1 : NbdLimits.MaxExtents;
        long at = request.OffsetBytes;
        long end = io.OffsetBytes + io.LengthBytes;
        int bytes = 0;
        for (int count = 0; count < maxExtents && at < end; count++)
        {
            int block = (int)((at - io.OffsetBytes) / Units.BlockBytes);
            bool hasData = IsSet(io.Map, block);
            while (io.OffsetBytes + (long)block * Units.BlockBytes < end && IsSet(io.Map, block) == hasData) { block++; }
            long runEnd = Math.Min(end, io.OffsetBytes + (long)block * Units.BlockBytes);
            if (bytes + 8 > _extents.Length) { Array.Resize(ref _extents, _extents.Length * 2); }
            BinaryPrimitives.WriteUInt32BigEndian(_extents.AsSpan(bytes), (uint)(runEnd - at));
            BinaryPrimitives.WriteUInt32BigEndian(_extents.AsSpan(bytes + 4), hasData ? 0 : NbdWire.STATE_HOLE | NbdWire.STATE_ZERO);
            bytes += 8;
            at = runEnd;
        }
        Span<byte> body = Chunk(request.Cookie, NbdWire.REPLY_FLAG_DONE, NbdWire.REPLY_TYPE_BLOCK_STATUS, 4, dataBytes: bytes);
        BinaryPrimitives.WriteUInt32BigEndian(body, NbdHandshake.ContextId);
        Send(20 + 4, 0);
        if (!_isStreamClosed) { _stream.Send(_extents.AsSpan(0, bytes), default); }
    }

    private static bool IsSet(ReadOnlySpan<byte> map, int block) => (map[block / 8] >> (block % 8) & 1) != 0;

    /// <summary>Adds a piece of data, or zeros for a hole, to the parts to send.</summary>
    private int AddPart(int count, in ReadPiece piece)
    {
        for (int done = 0; done < piece.Length;)
        {
            if (count == _parts.Length) { Array.Resize(ref _parts, count * 2); }
            PooledBuffer source = piece.Buffer ?? _server.Zeros;
            int length = piece.IsHole ? Math.Min(piece.Length - done, source.Capacity) : piece.Length;
            _parts[count++] = new PayloadPart(source, piece.IsHole ? 0 : piece.Offset, length);
            done += length;
        }
        return count;
    }

    /// <summary>Header of a structured reply chunk in the scratch head.</summary>
    /// <returns>Where its body goes.</returns>
    private Span<byte> Chunk(ulong cookie, ushort flags, ushort type, int bodyBytes, int dataBytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_head, NbdWire.StructuredReplyMagic);
        BinaryPrimitives.WriteUInt16BigEndian(_head.AsSpan(4), flags);
        BinaryPrimitives.WriteUInt16BigEndian(_head.AsSpan(6), type);
        BinaryPrimitives.WriteUInt64BigEndian(_head.AsSpan(8), cookie);
        BinaryPrimitives.WriteUInt32BigEndian(_head.AsSpan(16), (uint)(bodyBytes + dataBytes));
        return _head.AsSpan(20, bodyBytes);
    }

    private void SendSimple(ulong cookie, uint error, int parts)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_head, NbdWire.SimpleReplyMagic);
        BinaryPrimitives.WriteUInt32BigEndian(_head.AsSpan(4), error);
        BinaryPrimitives.WriteUInt64BigEndian(_head.AsSpan(8), cookie);
        Send(16, parts);
    }

    private void Send(int headBytes, int parts)
    {
        if (!_isStreamClosed) { _stream.Send(_head.AsSpan(0, headBytes), _parts.AsSpan(0, parts)); }
        Array.Clear(_parts, 0, parts); // no reference outlives the call
    }
}

using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Roles.Client;

namespace Fastblock.Roles.Nbd;

/// <summary>Commands: check, start, take in data.</summary>
internal sealed partial class NbdConnection
{
    private readonly RingQueue<NbdRequest> _pausedReads = new(4);
    private NbdRequest? _write;       // the write whose data is coming in
    private PooledBuffer? _dataBuffer;
    private int _dataPieceStart;      // where the piece begins in the buffer
    private int _dataPieceBytes;
    private long _dataLeft;           // bytes of the command still to come, this piece included
    private long _budgetForPiece;

    private bool TryCommand(ReadOnlySpan<byte> header, ref int consumed)
    {
        if (header.Length < NbdWire.RequestBytes) { return false; }
        if (!CanTakeCommand)
        {
            Block();
            return false;
        }
        if (BinaryPrimitives.ReadUInt32BigEndian(header) != NbdWire.RequestMagic)
        {
            Abort();
            return false;
        }
        ushort flags = BinaryPrimitives.ReadUInt16BigEndian(header[4..]);
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(header[6..]);
        ulong cookie = BinaryPrimitives.ReadUInt64BigEndian(header[8..]);
        ulong offset = BinaryPrimitives.ReadUInt64BigEndian(header[16..]);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header[24..]);
        uint error = Check(type, flags, offset, length);
        long budget = type == NbdWire.CMD_READ && error == NbdError.None ? ReadBudget(flags, length) : 0;
        if (budget > 0 && !TryTakeBudget(budget)) { return false; } // the header stays for the next time
        consumed += NbdWire.RequestBytes;
        if (type == NbdWire.CMD_DISC)
        {
            Drain();
            return false;
        }
        if (type == NbdWire.CMD_WRITE && length > NbdLimits.MaxRequestBytes)
        {
            // Too much to take in only to throw it away; the protocol foresees a hard disconnect.
            Abort();
            return false;
        }
        NbdRequest request = Rent();
        request.Type = type;
        request.Flags = flags;
        request.Cookie = cookie;
        request.OffsetBytes = unchecked((long)offset);
        request.LengthBytes = length;
        request.ArrivedNanos = _server.Reactor.NowNanos;
        request.BudgetBytes = budget;
        request.Error = error;
        Begin(request, length);
        return _phase != NbdPhase.Ending;
    }

    private void Begin(NbdRequest request, uint length)
    {
        if (request.Type == NbdWire.CMD_WRITE && length > 0)
        {
            _dataLeft = length;
            _phase = request.Error == NbdError.None ? NbdPhase.Data : NbdPhase.Skip;
            if (_phase == NbdPhase.Data)
            {
                _write = request;
                return; // ends with its last piece
            }
        }
        if (request.Error != NbdError.None || length == 0 && request.Type != NbdWire.CMD_FLUSH || request.Type == NbdWire.CMD_CACHE)
        {
            Finish(request);
            return;
        }
        switch (request.Type)
        {
            case NbdWire.CMD_READ:
                _server.Stats.Reads++;
                request.IsPiecewise = IsPiecewise(request.Flags, length);
                StartReads(request);
                break;
            case NbdWire.CMD_FLUSH:
                _server.Stats.Flushes++;
                StartWhole(request, ImageOp.Flush);
                break;
            case NbdWire.CMD_TRIM:
                _server.Stats.Trims++;
                StartWhole(request, ImageOp.Discard);
                break;
            case NbdWire.CMD_WRITE_ZEROES:
                _server.Stats.Writes++;
                StartWhole(request, ImageOp.WriteZeroes);
                break;
            default:
                _server.Stats.BlockStatuses++;
                StartBlockStatus(request);
                break;
        }
    }

    /// <summary>What is wrong with a command, as the protocol numbers it; None = nothing.</summary>
    private uint Check(ushort type, ushort flags, ulong offset, uint length)
    {
        int allowed = type switch
        {
            NbdWire.CMD_READ => NbdWire.CMD_FLAG_FUA | (_handshake.IsStructured ? NbdWire.CMD_FLAG_DF : 0),
            NbdWire.CMD_WRITE_ZEROES => NbdWire.CMD_FLAG_FUA | NbdWire.CMD_FLAG_NO_HOLE,
            NbdWire.CMD_BLOCK_STATUS => NbdWire.CMD_FLAG_FUA | NbdWire.CMD_FLAG_REQ_ONE,
            _ => NbdWire.CMD_FLAG_FUA,
        };
        if (type > NbdWire.CMD_BLOCK_STATUS || (flags & ~allowed) != 0) { return NbdError.EINVAL; }
        if (type is NbdWire.CMD_DISC or NbdWire.CMD_FLUSH) { return NbdError.None; }
        bool changes = type is NbdWire.CMD_WRITE or NbdWire.CMD_TRIM or NbdWire.CMD_WRITE_ZEROES;
        if (changes && _server.Export.IsReadOnly) { return NbdError.EPERM; }
        ulong size = (ulong)_server.Export.Image.SizeBytes;
        if (offset > size || length > size - offset)
        {
            return type is NbdWire.CMD_WRITE or NbdWire.CMD_WRITE_ZEROES ? NbdError.ENOSPC : NbdError.EINVAL;
        }
        if ((offset | length) % Units.SectorBytes != 0) { return NbdError.EINVAL; }
        if (type is NbdWire.CMD_READ && length > NbdLimits.MaxRequestBytes) { return NbdError.EOVERFLOW; }
        if (type is NbdWire.CMD_BLOCK_STATUS && (!_handshake.HasContext || length == 0)) { return NbdError.EINVAL; }
        return NbdError.None;
    }

    private bool IsPiecewise(ushort flags, uint length) =>
        _handshake.IsStructured && (flags & NbdWire.CMD_FLAG_DF) == 0 && length > NbdLimits.WholeReadBytes;

    private long ReadBudget(ushort flags, uint length) =>
        IsPiecewise(flags, length) ? NbdLimits.ReadWindow * NbdLimits.PieceBytes : length;

    /// <summary>Starts the reads of a request, as many as its window allows. With much unsent it waits for the socket, but not
    /// when the server stops.</summary>
    private void StartReads(NbdRequest request)
    {
        if (_isStreamClosed && request.Error == NbdError.None) { request.Error = NbdError.ESHUTDOWN; }
        while (request.StartedBytes < request.LengthBytes && request.IosInFlight < NbdLimits.ReadWindow
            && request.Error == NbdError.None)
        {
            long at = request.OffsetBytes + request.StartedBytes;
            long length = request.LengthBytes - request.StartedBytes;
            if (request.IsPiecewise) { length = Math.Min(length, NbdLimits.PieceBytes - at % NbdLimits.PieceBytes); }
            if (!TryCover(request, length))
            {
                if (request.IosInFlight > 0) { return; } // the next one that ends comes back here
                if (!_isStopping)
                {
                    _pausedReads.PushBack(request);
                    return;
                }
                request.Error = NbdError.ESHUTDOWN;
                break;
            }
            request.StartedBytes += length;
            Submit(request, ImageOp.Read, at, length);
        }
        request.IsStarted = request.StartedBytes == request.LengthBytes || request.Error != NbdError.None;
    }

    /// <summary>Budget for the next read of a request: what it took when it began, then more as others give it back.</summary>
    private bool TryCover(NbdRequest request, long bytes)
    {
        if (request.BudgetBytes < bytes)
        {
            if (_stream.QueuedBytes > NbdLimits.MaxQueuedBytes || !_server.Budget.TryTakeNow(bytes)) { return false; }
            request.BudgetBytes += bytes;
            _heldBytes += bytes;
        }
        request.BudgetBytes -= bytes;
        return true;
    }

    /// <summary>Nobody will take the rest of them.</summary>
    private void FailPausedReads()
    {
        while (_pausedReads.TryPopFront(out NbdRequest? request))
        {
            request.Error = NbdError.ESHUTDOWN;
            Finish(request);
        }
    }

    private void StartWhole(NbdRequest request, ImageOp op)
    {
        request.IsStarted = true;
        bool flush = op == ImageOp.Flush;
        ImageIo io = RentIo(request, op, flush ? 0 : request.OffsetBytes, flush ? 0 : request.LengthBytes);
        io.NoHole = (request.Flags & NbdWire.CMD_FLAG_NO_HOLE) != 0;
        _server.Export.Image.Submit(io);
    }

    private void StartBlockStatus(NbdRequest request)
    {
        long start = request.OffsetBytes / Units.BlockBytes * Units.BlockBytes;
        long end = Math.Min(request.OffsetBytes + request.LengthBytes, start + NbdLimits.MaxStatusBytes);
        request.IsStarted = true;
        Submit(request, ImageOp.BlockMap, start, end - start);
    }

    /// <summary>Gets a buffer for the next piece of a write and lets the socket fill it. The data lies in it as in the image's
    /// blocks, so that it need not be moved.</summary>
    /// <returns>Always false: the next thing to come is OnFilled, or the end of whatever blocks.</returns>
    private bool TryBeginPiece()
    {
        long at = _write!.OffsetBytes + _write.LengthBytes - _dataLeft;
        int length = (int)Math.Min(_dataLeft, NbdLimits.PieceBytes - at % NbdLimits.PieceBytes);
        int lead = (int)(at % Units.BlockBytes);
        if (_budgetForPiece == 0)
        {
            if (!TryTakeBudget(length)) { return false; }
            _budgetForPiece = length;
        }
        _dataBuffer = _server.Reactor.Buffers.TryRent(lead + length);
        if (_dataBuffer is null)
        {
            _server.Reactor.Arm(this, _server.Reactor.NowNanos + NbdLimits.BufferRetryNanos);
            Block();
            return false;
        }
        _dataPieceStart = lead;
        _dataPieceBytes = length;
        _stream.ReceiveInto(_dataBuffer, lead, length);
        return false;
    }

    /// <summary>The piece is whole: off with it.</summary>
    private void EndPiece()
    {
        NbdRequest request = _write!;
        long at = request.OffsetBytes + request.LengthBytes - _dataLeft;
        ImageIo io = RentIo(request, ImageOp.Write, at, _dataPieceBytes);
        io.AddData(_dataBuffer!, _dataPieceStart, _dataPieceBytes);
        _dataBuffer = null;
        _budgetForPiece = 0;
        _dataLeft -= _dataPieceBytes;
        _server.Stats.WrittenBytes += _dataPieceBytes;
        if (_dataLeft == 0)
        {
            _server.Stats.Writes++;
            request.IsStarted = true;
            _write = null;
            _phase = NbdPhase.Command;
        }
        _server.Export.Image.Submit(io);
    }

    /// <summary>The stream ended in the middle of a write: what has come of it is submitted already or forgotten. The
    /// client never got an answer, so both are right.</summary>
    private void DropPartialWrite()
    {
        _dataBuffer?.Release();
        _dataBuffer = null;
        GiveBudget(_budgetForPiece);
        _budgetForPiece = 0;
        if (_write is not { } request) { return; }
        _write = null;
        request.IsStarted = true;
        request.Error = NbdError.ESHUTDOWN;
        if (request.IosInFlight == 0) { Finish(request); }
    }

    private void Submit(NbdRequest request, ImageOp op, long offset, long length) =>
        _server.Export.Image.Submit(RentIo(request, op, offset, length));

    private ImageIo RentIo(NbdRequest request, ImageOp op, long offset, long length)
    {
        ImageIo io = _freeIos.TryPop(out ImageIo? free) ? free : new ImageIo(this);
        io.Prepare(op, offset, length);
        io.Owner = request;
        request.IosInFlight++;
        return io;
    }

    private NbdRequest Rent()
    {
        NbdRequest request = _freeRequests.TryPop(out NbdRequest? free) ? free : new NbdRequest();
        _requestsInFlight++;
        return request;
    }
}

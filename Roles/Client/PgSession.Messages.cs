using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Client;

/// <summary>Requests out, replies in.</summary>
internal sealed partial class PgSession
{
    /// <summary>Sends one request to the present target; gives it its sequence when it has none yet.</summary>
    private Errno Send(ObjectOp op, long now)
    {
        if (op.NeedsSequence && op.Sequence == 0) { op.Sequence = _window.Take(); }
        if (op.WantsBounce && op.Bounce is null) { TryBounce(op); }
        op.Attempt = unchecked((byte)(op.Attempt + 1));
        int parts = 0;
        ReadOnlySpan<uint> crcs = default;
        if (op.Op == DataOp.Write)
        {
            parts = GatherPayload(op);
            crcs = _client.Scratch.ComputeCrcs(op.OffsetBytes, op.LengthBytes, parts);
        }
        DataRequest request = new()
        {
            Tag = op.Tag,
            Op = op.Op,
            Flags = op.Flags,
            Pg = Id,
            Epoch = _client.Map.Epoch,
            Image = _client.ImageId,
            ObjectIndex = op.ObjectIndex,
            OffsetBytes = op.OffsetBytes,
            LengthBytes = (uint)op.LengthBytes,
            OwnerGeneration = _client.Generation,
            Sequence = op.Sequence,
            LowestUnfinished = op.Sequence == 0 ? 0 : _window.LowestUnfinished,
            ImageSizeBytes = (ulong)_client.SizeBytes,
            BlockCrcs = crcs,
        };
        int bodyBytes = request.Write(_client.Scratch.Body);
        Errno status = _link!.TrySend(_client.Scratch.Body.AsSpan(0, bodyBytes), _client.Scratch.Parts.AsSpan(0, parts));
        if (status != Errno.None) { return status; }
        op.Link = _link;
        op.SentNanos = now;
        _client.Stats.Sent++;
        return Errno.None;
    }

    /// <summary>Puts the payload together as whole blocks: zeros up to the data, the data, zeros behind it.</summary>
    /// <returns>Number of parts in the scratch list.</returns>
    private int GatherPayload(ObjectOp op)
    {
        int lead = (int)(op.OffsetBytes % Units.BlockBytes);
        int tail = (int)Units.RoundUp(lead + op.LengthBytes, Units.BlockBytes) - lead - op.LengthBytes;
        RequestScratch scratch = _client.Scratch;
        scratch.Reserve(op.Io!.Data.Length + 2);
        int count = 0;
        if (lead > 0) { scratch.Parts[count++] = new PayloadPart(scratch.ZeroBlock, 0, lead); }
        if (op.Bounce is not null) { scratch.Parts[count++] = new PayloadPart(op.Bounce, 0, op.LengthBytes); }
        else { count += op.Io.SliceData(op.IoOffsetBytes, op.LengthBytes, scratch.Parts, count); }
        if (tail > 0) { scratch.Parts[count++] = new PayloadPart(scratch.ZeroBlock, 0, tail); }
        return count;
    }

    /// <summary>Copies the data of a write whose checksum did not match on arrival: its owner may be changing it, so the next
    /// checksum must be over bytes that nobody else can touch. Without a free buffer the original is tried again.</summary>
    private void TryBounce(ObjectOp op)
    {
        PooledBuffer? bounce = _client.Reactor.Buffers.TryRent(op.LengthBytes);
        if (bounce is null) { return; }
        RequestScratch scratch = _client.Scratch;
        scratch.Reserve(op.Io!.Data.Length + 2);
        int count = op.Io.SliceData(op.IoOffsetBytes, op.LengthBytes, scratch.Parts, 0);
        int at = 0;
        for (int i = 0; i < count; i++)
        {
            PayloadPart part = scratch.Parts[i];
            part.Buffer.Span(part.Offset, part.Length).CopyTo(bounce.Span(at, part.Length));
            at += part.Length;
        }
        op.Bounce = bounce;
    }

    /// <summary>A reply to a request of this PG. One to an earlier sending counts if it is final: the request is what it
    /// was, whoever did it; its other words are old news.</summary>
    public void OnReply(ObjectOp op, bool isNewest, in DataReply reply, in Frame frame)
    {
        switch (reply.Status)
        {
            case DataStatus.Ok:
                OnSuccess(op, in reply, in frame);
                break;
            case DataStatus.StaleOwner or DataStatus.UnknownSession when op.Op == DataOp.CloseSession:
                Finish(op, Errno.None); // it is closed, which is what was wanted
                break;
            case DataStatus.StaleOwner:
            case DataStatus.UnknownSession when _client.Generation != 0:
                _client.Fence(Errno.Stale, reply.Status == DataStatus.StaleOwner
                    ? $"another client owns the image now (generation {reply.OwnerGeneration}, ours was {_client.Generation})"
                    : $"PG {Id} has closed the session of generation {_client.Generation}");
                return;
            case DataStatus.NoSuchImage:
                _client.Fence(Errno.NotFound, "the image was removed");
                return;
            case DataStatus.NoSpace:
                Finish(op, Errno.NoSpace);
                break;
            case DataStatus.OutOfRange or DataStatus.Invalid:
                Finish(op, Errno.Invalid);
                break;
            case DataStatus.NotSupported:
                Finish(op, Errno.NotSupported);
                break;
            case DataStatus.Io:
                Finish(op, Errno.Io);
                break;
            default:
                if (isNewest) { OnNotNow(op, in reply); }
                break;
        }
        Pump();
    }

    /// <summary>The request has to be sent again: where, and when?</summary>
    private void OnNotNow(ObjectOp op, in DataReply reply)
    {
        bool fromTarget = op.Link == _link;
        Requeue(op);
        switch (reply.Status)
        {
            case DataStatus.NotLeader:
                _client.Stats.Redirected++;
                if (fromTarget) { FailOver(reply.LeaderHint, (reply.Flags & DataReplyFlags.HasHint) != 0); }
                break;
            case DataStatus.NoSuchPg:
                if (fromTarget) { FailOver(default, hasHint: false); }
                break;
            case DataStatus.StaleEpoch:
                if (reply.Epoch > _client.Map.Epoch) { _needsEpoch = reply.Epoch; }
                PauseAbout(_client.Options.BackOffMaxNanos);
                break;
            case DataStatus.BadChecksum:
                _client.Stats.WriteChecksumErrors++;
                op.WantsBounce = true;
                break;
            default:
                _failures++;
                PauseAbout(Math.Min(_client.Options.BackOffMaxNanos, _client.Options.BackOffMinNanos << Math.Min(_failures, 10)));
                break;
        }
    }

    private void OnSuccess(ObjectOp op, in DataReply reply, in Frame frame)
    {
        if (op.Op == DataOp.Read && !TryTakeData(op, in reply, in frame))
        {
            // The bytes on the replica are checked there; these were hurt on the way. Ask again.
            _client.Stats.ReadChecksumErrors++;
            if (op.State == ObjectOpState.Sent) { Requeue(op); }
            return;
        }
        if (op.Op == DataOp.BlockMap && !TryTakeMap(op, in reply))
        {
            Finish(op, Errno.Io);
            return;
        }
        OnAnswered(op);
        Finish(op, Errno.None);
    }

    /// <summary>Checks what was read against its checksums and hands it to the I/O without copying.</summary>
    private static bool TryTakeData(ObjectOp op, in DataReply reply, in Frame frame)
    {
        if ((reply.Flags & DataReplyFlags.Zeroes) != 0)
        {
            op.Io!.SetPiece(op.PieceIndex, new ReadPiece(null, 0, op.LengthBytes));
            return true;
        }
        int blocks = DataLimits.TouchedBlocks(op.OffsetBytes, (uint)op.LengthBytes);
        if (frame.Payload is null || frame.PayloadBytes != blocks * Units.BlockBytes || reply.BlockCrcs.Length != blocks)
        {
            return false;
        }
        for (int i = 0; i < blocks; i++)
        {
            uint crc = Crc32C.Compute(frame.Payload.Span(i * Units.BlockBytes, Units.BlockBytes));
            if (crc != reply.BlockCrcs[i]) { return false; }
        }
        frame.Payload.Retain();
        op.Io!.SetPiece(op.PieceIndex,
            new ReadPiece(frame.Payload, (int)(op.OffsetBytes % Units.BlockBytes), op.LengthBytes));
        return true;
    }

    private static bool TryTakeMap(ObjectOp op, in DataReply reply)
    {
        int blocks = DataLimits.TouchedBlocks(op.OffsetBytes, (uint)op.LengthBytes);
        if (reply.Map.Length != (blocks + 7) / 8) { return false; }
        int first = (int)(op.IoOffsetBytes / Units.BlockBytes);
        for (int i = 0; i < blocks; i++)
        {
            if ((reply.Map[i / 8] >> (i % 8) & 1) != 0) { op.Io!.SetMapped(first + i); }
        }
        return true;
    }
}

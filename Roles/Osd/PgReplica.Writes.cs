using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Osd;

/// <summary>Leader: logged operations, from the request to the answer. <see cref="WriteOp"/> shows the stages.</summary>
internal sealed partial class PgReplica
{
    private WriteOp? _first;
    private WriteOp? _last;

    /// <summary>Operations under way that have not been proposed yet: while it is 0 a whole-block write goes straight on.</summary>
    private int _unproposed;

    /// <summary>What the state said to the entry applied last: its waiter is called next.</summary>
    private SessionVerdict _lastVerdict;

    /// <summary>Takes a session, write, discard or write-zeroes request. The payload is retained when it is kept.</summary>
    public void OnWriteRequest(ClientLink link, in DataRequest request, PooledBuffer? payload)
    {
        if (!IsServing)
        {
            RefuseNotServing(link, request.Tag);
            return;
        }
        PgOpHeader header = HeaderOf(in request);
        // The size goes into the log.
        DataStatus refusal = FindImage(header.ImageId, request.Epoch, out header.ImageBytes, out header.SizeGeneration);
        // A first session takes the size, and how often it was cut, from the map: one as new as its owner's.
        if (request.Op == DataOp.OpenSession && request.Epoch > _shard.Map.Epoch && _state.Find(header.ImageId) is null)
        {
            refusal = DataStatus.Again;
        }
        if (request.IsMutation && header.FirstBlock + header.Blocks > BlocksPerObject) { refusal = DataStatus.OutOfRange; }
        if (refusal != DataStatus.Ok)
        {
            Answer(link, request.Tag, refusal, header.ImageId);
            return;
        }
        if (JoinSameRequest(in header, link, request.Tag)) { return; }
        SessionVerdict verdict = _state.Judge(in header);
        if (verdict != SessionVerdict.Fresh)
        {
            Reached.Mark(verdict == SessionVerdict.StaleOwner ? "osd: stale owner refused" : "osd: repeated request recognised");
            Answer(link, request.Tag, StatusOf(verdict), header.ImageId);
            return;
        }
        // Not before: what was done while the image was larger is answered as done.
        DataStatus outside = request.IsMutation
            ? CheckEnd(header.ImageId, EndOf(request.ObjectIndex, (ulong)request.OffsetBytes + request.LengthBytes), header.ImageBytes,
                header.SizeGeneration, request.Epoch)
            : DataStatus.Ok;
        if (outside != DataStatus.Ok)
        {
            Answer(link, request.Tag, outside, header.ImageId);
            return;
        }
        if (request.Op == DataOp.Write && !ChecksumsMatch(in request, payload!))
        {
            _shard.Counters.ChecksumMismatches++;
            Answer(link, request.Tag, DataStatus.BadChecksum, header.ImageId);
            return;
        }
        if (request.Op == DataOp.Write && (_shard.IsFull || Group!.HasFullPeer || IsFullInMap()))
        {
            Answer(link, request.Tag, DataStatus.NoSpace, header.ImageId);
            return;
        }
        WriteOp? op = _shard.WriteOps.TryRent();
        if (op is null)
        {
            Answer(link, request.Tag, DataStatus.Again, header.ImageId);
            return;
        }
        op.Begin(this, in header, link, request.Tag, (int)request.OffsetBytes,
            (int)(request.OffsetBytes + request.LengthBytes));
        op.Term = Group!.Term;
        if (request.Op == DataOp.Write)
        {
            payload!.Retain();
            op.Payload = payload;
            request.BlockCrcs.CopyTo(op.CrcSlots);
        }
        Append(op);
        TryStart(op);
    }

    private static PgOpHeader HeaderOf(in DataRequest request) => new()
    {
        Kind = request.Op switch
        {
            DataOp.OpenSession => PgOpKind.OpenSession,
            DataOp.CloseSession => PgOpKind.CloseSession,
            DataOp.Write => PgOpKind.Write,
            _ => (request.OffsetBytes | request.LengthBytes) % Units.BlockBytes == 0 ? PgOpKind.Discard : PgOpKind.WriteZeroes,
        },
        ObjectIndex = request.ObjectIndex,
        Image = request.Image.Value,
        OwnerGeneration = request.OwnerGeneration,
        Sequence = request.Sequence,
        LowestUnfinished = request.LowestUnfinished,
        FirstBlock = request.FirstBlock,
        Blocks = request.Blocks,
    };

    /// <summary>The map knows a living member as full.</summary>
    private bool IsFullInMap()
    {
        if (Info is null) { return false; }
        IReadOnlyList<PgMember> members = Info.Holders;
        for (int i = 0; i < members.Count; i++)
        {
            if (_shard.Map.TryGetOsd(members[i].Osd, out OsdInfo? osd) && osd.Up && osd.Full) { return true; }
        }
        return false;
    }

    /// <summary>A client that repeats itself while the first try is under way waits for that one's outcome.</summary>
    private bool JoinSameRequest(in PgOpHeader header, ClientLink link, ulong tag)
    {
        for (WriteOp? op = _first; op is not null; op = op.Next)
        {
            if (op.Header.Image == header.Image && op.Header.Sequence == header.Sequence
                && op.Header.OwnerGeneration == header.OwnerGeneration
                && (header.Sequence != 0 || op.Header.Kind == header.Kind) && op.Link is not null)
            {
                op.Link = link;
                op.Tag = tag;
                return true;
            }
        }
        return false;
    }

    /// <summary>The CRCs of the first and last block are over the fragment that is written.</summary>
    private static bool ChecksumsMatch(in DataRequest request, PooledBuffer payload)
    {
        int at = (int)(request.OffsetBytes % Units.BlockBytes);
        int end = at + (int)request.LengthBytes;
        for (int block = 0; block < request.BlockCrcs.Length; block++)
        {
            int to = Math.Min(end, (block + 1) * Units.BlockBytes);
            if (Crc32C.Compute(payload.Span(at, to - at)) != request.BlockCrcs[block]) { return false; }
            at = to;
        }
        return true;
    }

    private void Append(WriteOp op)
    {
        op.Previous = _last;
        op.Next = null;
        if (_last is null) { _first = op; } else { _last.Next = op; }
        _last = op;
        _unproposed++;
    }

    /// <summary>Takes it out of the list and gives it back to the pool.</summary>
    private void Remove(WriteOp op)
    {
        if (op.Stage != WriteOp.OpStage.Proposed) { _unproposed--; }
        if (op.Previous is null) { _first = op.Next; } else { op.Previous.Next = op.Next; }
        if (op.Next is null) { _last = op.Previous; } else { op.Next.Previous = op.Previous; }
        (op.Next, op.Previous) = (null, null);
        if (op.Header.Kind is PgOpKind.PurgeImage or PgOpKind.CutImage) { _ = _freeing.Remove(op.Header.ImageId); }
        op.End();
        if (_unproposed > 0) { _shard.PumpLater(this); } // it may have been what others waited for
    }

    private void TryStart(WriteOp op)
    {
        if (op.Stage == WriteOp.OpStage.Waiting && !MustWait(op))
        {
            if (op.NeedsMerge) { BeginMerge(op); } else { op.Stage = WriteOp.OpStage.Ready; }
        }
        if (op.Stage == WriteOp.OpStage.Ready) { Propose(op); }
    }

    /// <summary>A merge needs every earlier write of its blocks applied; a whole-block write needs only that none of them is
    /// still to be proposed, since log order does the rest.</summary>
    private bool MustWait(WriteOp op)
    {
        if (_unproposed <= 1 && !op.NeedsMerge) { return false; }
        if (Sabotage.Is(SabotageKind.MergeWithoutWaiting) && op.NeedsMerge) { return false; }
        for (WriteOp? earlier = op.Previous; earlier is not null; earlier = earlier.Previous)
        {
            if (!earlier.Overlaps(op)) { continue; }
            if (op.NeedsMerge || earlier.Stage != WriteOp.OpStage.Proposed) { return true; }
        }
        return false;
    }

    private void Propose(WriteOp op)
    {
        if (!IsServing || Group!.Term != op.Term)
        {
            // Led by another in between: what was merged may be old.
            Finish(op, DataStatus.NotLeader);
            return;
        }
        ReadOnlySpan<byte> header = MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref op.Header, 1));
        Errno status = Group.TryPropose(header, op.Payload, op.Header.PayloadBlocks * Units.BlockBytes, op.PayloadCrcs, op, out _);
        switch (status)
        {
            case Errno.None:
                op.Stage = WriteOp.OpStage.Proposed;
                _unproposed--;
                break;
            case Errno.Again:
                _shard.PumpLater(this); // window or log full: stays Ready
                break;
            case Errno.NoSpace:
                Finish(op, DataStatus.NoSpace);
                break;
            case Errno.Stale:
                Finish(op, DataStatus.NotLeader);
                break;
            default:
                Finish(op, DataStatus.Again);
                break;
        }
    }

    /// <summary>Goes on with what waits, in order of arrival.</summary>
    public void PumpWaiting()
    {
        WriteOp? op = _unproposed == 0 ? null : _first;
        while (op is not null)
        {
            WriteOp? next = op.Next;
            if (op.Stage is WriteOp.OpStage.Waiting or WriteOp.OpStage.Ready) { TryStart(op); }
            op = next;
        }
    }

    /// <summary>The entry is committed and applied here: durable on a majority, visible to every later read.</summary>
    public void OnWriteApplied(WriteOp op)
    {
        _shard.Counters.Writes++;
        if (op.Link is not null) { _shard.Counters.WriteLatency.Record(_shard.Reactor.NowNanos - op.ArrivedNanos); }
        _shard.Counters.WriteBytes += op.EndBytes - op.StartBytes;
        Finish(op, StatusOf(_lastVerdict));
    }

    /// <summary>The leadership was lost: the entry may still come to be. The client asks again, and the session window keeps
    /// it from being applied twice.</summary>
    public void OnWriteDropped(WriteOp op)
    {
        if (Sabotage.Is(SabotageKind.OperationKept)) { return; }
        Finish(op, DataStatus.NotLeader);
    }

    private void Finish(WriteOp op, DataStatus status)
    {
        if (op.Link is not null) { Answer(op.Link, op.Tag, status, op.Header.ImageId); }
        Remove(op);
    }

    /// <summary>No longer leader: whoever has not been proposed yet shall ask the new one.</summary>
    private void RefuseWaiting()
    {
        WriteOp? op = _first;
        while (op is not null)
        {
            WriteOp? next = op.Next;
            if (op.Stage is WriteOp.OpStage.Waiting or WriteOp.OpStage.Ready) { Finish(op, DataStatus.NotLeader); }
            op = next;
        }
    }

    private static DataStatus StatusOf(SessionVerdict verdict) => verdict switch
    {
        SessionVerdict.Fresh or SessionVerdict.Duplicate or SessionVerdict.Finished => DataStatus.Ok,
        SessionVerdict.StaleOwner => DataStatus.StaleOwner,
        SessionVerdict.UnknownSession => DataStatus.UnknownSession,
        SessionVerdict.BeyondSize => DataStatus.OutOfRange,
        _ => DataStatus.Again,
    };
}

using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Raft;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Osd;

/// <summary>Leader: reads, and the answers to everything.</summary>
internal sealed partial class PgReplica
{
    /// <summary>Takes a Read or BlockMap request.</summary>
    public void OnReadRequest(ClientLink link, in DataRequest request)
    {
        if (Group is not { IsLeader: true })
        {
            RefuseNotServing(link, request.Tag);
            return;
        }
        if (request.FirstBlock + request.Blocks > BlocksPerObject)
        {
            Answer(link, request.Tag, DataStatus.OutOfRange, request.Image);
            return;
        }
        ReadOp? op = _shard.ReadOps.TryRent();
        if (op is null)
        {
            Answer(link, request.Tag, DataStatus.Again, request.Image);
            return;
        }
        op.Begin(this, link, in request);
        switch (Group.TryBeginRead(op))
        {
            case ReadStatus.Ready:
                ReadNow(op);
                break;
            case ReadStatus.Pending:
                break;
            case ReadStatus.NotLeader:
                OnReadRefused(op);
                break;
            default:
                FinishRead(op, DataStatus.Again);
                break;
        }
    }

    /// <summary>Leadership is confirmed as of a moment after the request came in.</summary>
    public void ReadNow(ReadOp op)
    {
        // Only now: before a new leader is ready its sessions may be behind, and let in an owner that is fenced already.
        if (op.OwnerGeneration != 0)
        {
            SessionVerdict verdict = _state.Find(op.Target.Image)?.JudgeOwner(op.OwnerGeneration) ?? SessionVerdict.UnknownSession;
            if (verdict != SessionVerdict.Fresh)
            {
                FinishRead(op, StatusOf(verdict));
                return;
            }
        }
        DataStatus refusal = FindImage(op.Target.Image, op.Epoch, out ulong sizeBytes, out ulong sizeGeneration);
        if (refusal == DataStatus.Ok)
        {
            refusal = CheckEnd(op.Target.Image, EndOf(op.Target.Index, op.EndBytes), sizeBytes, sizeGeneration, op.Epoch);
        }
        if (refusal != DataStatus.Ok)
        {
            FinishRead(op, refusal);
            return;
        }
        if (op.Op == DataOp.BlockMap)
        {
            AnswerBlockMap(op);
            return;
        }
        if (_shard.Objects.VersionOf(Id, op.Target) == 0)
        {
            AnswerRead(op, DataReplyFlags.Zeroes, default);
            return;
        }
        PooledBuffer? buffer = _shard.Reactor.Buffers.TryRent(op.Count * Units.BlockBytes, BufferUse.Client);
        if (buffer is null)
        {
            FinishRead(op, DataStatus.Again);
            return;
        }
        op.Data = buffer;
        op.Prepare(Id, op.Target, op.From, op.Count, buffer);
        _shard.Objects.Read(op);
    }

    public void OnReadDone(ReadOp op, Errno status)
    {
        if (status == Errno.None)
        {
            AnswerRead(op, DataReplyFlags.None, op.Crcs);
            return;
        }
        ReadDamagedAsync(op).Start();
    }

    public void OnReadRefused(ReadOp op) => FinishRead(op, DataStatus.NotLeader);

    private void AnswerRead(ReadOp op, DataReplyFlags flags, ReadOnlySpan<uint> crcs)
    {
        _shard.Counters.Reads++;
        _shard.Counters.ReadLatency.Record(_shard.Reactor.NowNanos - op.ArrivedNanos);
        _shard.Counters.ReadBytes += (long)op.Count * Units.BlockBytes;
        DataReply reply = ReplyTo(op.Tag, DataStatus.Ok);
        reply.Flags = flags;
        if (flags == DataReplyFlags.Zeroes) { op.Link!.Answer(in reply); }
        else
        {
            reply.BlockCrcs = crcs;
            op.Link!.Answer(in reply, op.Data!, op.Count * Units.BlockBytes);
        }
        op.End();
    }

    private void AnswerBlockMap(ReadOp op)
    {
        Span<ulong> words = stackalloc ulong[(DataLimits.MaxMapBytes / 8) + 1];
        words.Clear();
        _ = _shard.Objects.GetBlockMap(Id, op.Target, words[..((BlocksPerObject + 63) / 64)]);
        Span<byte> map = stackalloc byte[(op.Count + 7) / 8];
        map.Clear();
        for (int i = 0; i < op.Count; i++)
        {
            int block = op.From + i;
            if ((words[block / 64] >> (block % 64) & 1) != 0) { map[i / 8] |= (byte)(1 << (i % 8)); }
        }
        DataReply reply = new() { Tag = op.Tag, Pg = Id, Epoch = _shard.Map.Epoch, Map = map };
        op.Link!.Answer(in reply);
        op.End();
    }

    private void FinishRead(ReadOp op, DataStatus status)
    {
        Answer(op.Link!, op.Tag, status, op.Target.Image);
        op.End();
    }

    /// <summary>Names the leader when there is one elsewhere; asks for patience while this one is about to be.</summary>
    private void RefuseNotServing(ClientLink link, ulong tag) =>
        Answer(link, tag, Group is { IsLeader: true } ? DataStatus.Again : DataStatus.NotLeader, default);

    public void Answer(ClientLink link, ulong tag, DataStatus status, ImageId image)
    {
        DataReply reply = ReplyTo(tag, status);
        if (status == DataStatus.StaleOwner) { reply.OwnerGeneration = _state.Find(image)?.OwnerGeneration ?? 0; }
        if (status == DataStatus.NotLeader && Group is not null)
        {
            NodeId hint = Group.LeaderHint;
            if (!hint.IsNone && hint != _shard.Self)
            {
                reply.LeaderHint = new OsdId(hint.Value);
                reply.Flags = DataReplyFlags.HasHint;
            }
        }
        link.Answer(in reply);
    }

    private DataReply ReplyTo(ulong tag, DataStatus status) => new()
    {
        Tag = tag,
        Status = status,
        Pg = Id,
        Epoch = _shard.Map.Epoch,
    };
}

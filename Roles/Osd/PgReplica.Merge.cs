using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;

namespace Fastblock.Roles.Osd;

/// <summary>Leader: makes writes whole that cover their first or last block only in part, so that every log entry is whole
/// blocks. When a merge begins all earlier writes of its blocks are applied and later ones wait: nothing can come between
/// the read and the proposal.</summary>
internal sealed partial class PgReplica
{
    private void BeginMerge(WriteOp op)
    {
        int edges = (op.FirstBlockIsPartial ? 1 : 0) + (op.LastBlockIsPartial ? 1 : 0);
        PooledBuffer? buffer = _shard.Reactor.Buffers.TryRent(edges * Units.BlockBytes, BufferUse.Client);
        if (buffer is null)
        {
            Finish(op, DataStatus.Again);
            return;
        }
        op.EdgeBuffer = buffer;
        op.EdgesLeft = edges;
        op.Stage = WriteOp.OpStage.Merging;
        ReadNextEdge(op);
    }

    /// <summary>First block, if partial, into the buffer's first block; the last one into the next free.</summary>
    private void ReadNextEdge(WriteOp op)
    {
        bool isFirst = op.FirstBlockIsPartial && (op.EdgesLeft == 2 || !op.LastBlockIsPartial);
        int block = isFirst ? op.Header.FirstBlock : op.Header.FirstBlock + op.Header.Blocks - 1;
        int slot = isFirst ? 0 : LastSlot(op);
        op.Prepare(Id, op.Header.ObjectId, block, 1, op.EdgeBuffer!, slot * Units.BlockBytes);
        _shard.Objects.Read(op);
    }

    private static int LastSlot(WriteOp op) => op.FirstBlockIsPartial ? 1 : 0;

    public void OnEdgeRead(WriteOp op, Errno status)
    {
        if (status != Errno.None)
        {
            ReadDamagedEdgeAsync(op).Start();
            return;
        }
        if (--op.EdgesLeft > 0)
        {
            ReadNextEdge(op);
            return;
        }
        Reached.Mark("osd: partial block merged");
        if (op.Header.Kind == PgOpKind.Write) { FillMargins(op); } else { CutEdges(op); }
        op.Stage = WriteOp.OpStage.Ready;
        Propose(op);
    }

    /// <summary>Write: the present contents go around the new bytes.</summary>
    private static void FillMargins(WriteOp op)
    {
        PooledBuffer payload = op.Payload!, edges = op.EdgeBuffer!;
        int head = op.StartBytes % Units.BlockBytes;
        int tail = op.EndBytes % Units.BlockBytes;
        int lastBlock = op.Header.Blocks - 1;
        if (head != 0) { edges.Span(0, head).CopyTo(payload.Span(0, head)); }
        if (tail != 0)
        {
            int slot = op.LastBlockIsPartial ? LastSlot(op) : 0;
            int length = Units.BlockBytes - tail;
            edges.Span((slot * Units.BlockBytes) + tail, length)
                .CopyTo(payload.Span((lastBlock * Units.BlockBytes) + tail, length));
        }
        if (op.FirstBlockIsPartial) { op.PayloadCrcs[0] = Crc32C.Compute(payload.Span(0, Units.BlockBytes)); }
        if (op.LastBlockIsPartial)
        {
            op.PayloadCrcs[lastBlock] = Crc32C.Compute(payload.Span(lastBlock * Units.BlockBytes, Units.BlockBytes));
        }
        edges.Release(); // the replicas may take their time with the rest
        op.EdgeBuffer = null;
    }

    /// <summary>Zeroes: the covered part of the edge blocks is cleared, and they become the entry's payload. One in which nothing
    /// is left needs none: a trim must not ask for room where there was nothing.</summary>
    private static void CutEdges(WriteOp op)
    {
        PooledBuffer edges = op.EdgeBuffer!;
        int head = op.StartBytes % Units.BlockBytes;
        int tail = op.EndBytes % Units.BlockBytes;
        if (op.FirstBlockIsPartial)
        {
            int end = op.Header.Blocks == 1 && tail != 0 ? tail : Units.BlockBytes;
            edges.Span(head, end - head).Clear();
            if (HasData(edges.Span(0, Units.BlockBytes))) { op.Header.Flags |= PgOpHeader.FirstBlockInPayload; }
        }
        if (op.LastBlockIsPartial)
        {
            Span<byte> last = edges.Span(LastSlot(op) * Units.BlockBytes, Units.BlockBytes);
            last[..tail].Clear();
            if (HasData(last))
            {
                bool isOnly = (op.Header.Flags & PgOpHeader.FirstBlockInPayload) == 0;
                if (isOnly && LastSlot(op) > 0) { last.CopyTo(edges.Span(0, Units.BlockBytes)); }
                op.Header.Flags |= PgOpHeader.LastBlockInPayload;
            }
        }
        Span<uint> crcs = op.PayloadCrcs;
        for (int i = 0; i < crcs.Length; i++)
        {
            crcs[i] = Crc32C.Compute(edges.Span(i * Units.BlockBytes, Units.BlockBytes));
        }
        op.EdgeBuffer = null;
        if (crcs.Length > 0) { op.Payload = edges; } else { edges.Release(); }
    }

    private static bool HasData(ReadOnlySpan<byte> block) => block.ContainsAnyExcept((byte)0);
}

using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

/// <summary>Answers other replicas' questions: blocks and checksums of objects as of a state that is at least as new as the
/// asker's, and what scrubs found. Never anything that does not match its own checksum.</summary>
internal sealed class RepairServer(OsdShard shard, IConnection connection) : IConnectionHandler
{
    /// <summary>Questions of one peer under way; more are to come again.</summary>
    private const int MaxUnderWay = 32;

    /// <summary>How long to wait until entries that the asker has applied are applied here.</summary>
    private const int AppliedTries = 200;

    private int _underWay;
    private bool _isClosed;

    public void OnUp(IConnection connection) { }

    public void OnFrame(IConnection connection, in Frame frame)
    {
        if (frame.Type != FrameType.RepairRequest || frame.PayloadBytes > 0
            || !RepairMessage.TryRead(frame.Body, out RepairMessage message))
        {
            connection.Close(Errno.Protocol);
            return;
        }
        if (_underWay == MaxUnderWay)
        {
            Answer(in message, Errno.Again);
            return;
        }
        _underWay++;
        AnswerAsync(message).Start();
    }

    public void OnClosed(IConnection connection, Errno reason, string detail) => _isClosed = true;

    private async ReactorTask AnswerAsync(RepairMessage message)
    {
        Errno status = FindReplica(in message, out PgReplica? pg);
        if (status == Errno.None && message.Op == RepairOp.ScrubResult)
        {
            AnswerScrub(in message, pg!);
            _underWay--;
            return;
        }
        for (int i = 0; status == Errno.None && pg!.Group!.Applied.Value < message.Applied; i++)
        {
            if (Sabotage.Is(SabotageKind.RepairFromAnotherVersion)) { break; }
            if (i == AppliedTries) { status = Errno.Again; }
            await shard.Reactor.Delay(Units.NanosPerMilli);
            if (FindReplica(in message, out PgReplica? now) != Errno.None || now != pg) { status = Errno.NotFound; }
        }
        PooledBuffer? buffer = status == Errno.None ? shard.Reactor.Buffers.TryRent(Units.BlockBytes, BufferUse.ReadBack) : null;
        if (status == Errno.None && buffer is null) { status = Errno.Again; }
        if (status != Errno.None) { Answer(in message, status); }
        else if (message.Op == RepairOp.Block) { await AnswerBlockAsync(message, pg!, buffer!); }
        else { await AnswerChecksumsAsync(message, pg!, buffer!); }
        buffer?.Release();
        _underWay--;
    }

    private Errno FindReplica(in RepairMessage message, out PgReplica? pg)
    {
        bool sound = shard.TryGetPg(message.Pg, out pg) && pg.Group is { } group
            && group.Config.Incarnation == message.Incarnation && message.Block < pg.BlocksPerObject
            && (!(group.IsRecovering || group.IsCorrupted) || Sabotage.Is(SabotageKind.RepairFromAnotherVersion));
        return sound ? Errno.None : Errno.NotFound;
    }

    private async ReactorTask AnswerBlockAsync(RepairMessage message, PgReplica pg, PooledBuffer buffer)
    {
        AwaitedRead read = new(shard.Objects);
        Errno status = await read.RunAsync(pg.Id, message.Object, message.Block, 1, buffer);
        if (status != Errno.None)
        {
            shard.Repairs.Add(pg.Id, message.Object, message.Block);
            Answer(in message, status);
            return;
        }
        if (read.Version == 0) { Answer(in message, Errno.Stale); }
        else { Answer(in message, Errno.None, read.Version, read.Crcs[0], buffer); }
    }

    private async ReactorTask AnswerChecksumsAsync(RepairMessage message, PgReplica pg, PooledBuffer buffer)
    {
        (Errno status, ulong version) = await shard.Repairs.CopyChecksumsAsync(pg.Id, message.Object, buffer);
        if (status == Errno.None && version == 0) { status = Errno.Stale; }
        if (status == Errno.None) { Answer(in message, Errno.None, version, 0, buffer); }
        else { Answer(in message, status); }
    }

    private void AnswerScrub(in RepairMessage message, PgReplica pg)
    {
        Errno status = pg.Scrub.TryGetResult(message.Applied, out byte[] lines);
        if (_isClosed) { return; }
        byte[] body = new byte[RepairAnswer.HeaderBytes + lines.Length];
        RepairAnswer answer = new() { Op = message.Op, Tag = message.Tag, Status = status, Items = lines };
        Send(body.AsSpan(0, answer.Write(body)), default);
    }

    private void Answer(in RepairMessage message, Errno status, ulong version = 0, uint crc = 0, PooledBuffer? payload = null)
    {
        if (_isClosed) { return; }
        Span<byte> body = stackalloc byte[RepairAnswer.HeaderBytes];
        RepairAnswer answer = new() { Op = message.Op, Tag = message.Tag, Status = status, Version = version, Crc = crc };
        body = body[..answer.Write(body)];
        if (payload is null)
        {
            Send(body, default);
            return;
        }
        PayloadPart part = new(payload, 0, Units.BlockBytes);
        Send(body, MemoryMarshal.CreateReadOnlySpan(ref part, 1));
    }

    private void Send(ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload)
    {
        if (connection.TrySend(FrameType.RepairReply, body, payload) != Errno.None) { connection.Close(Errno.NoBuffers); }
    }
}

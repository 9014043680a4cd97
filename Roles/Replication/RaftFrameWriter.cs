using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>Gathers the messages of one loop iteration for one peer; see <see cref="RaftFrameFormat"/>. Payload buffers are
/// retained until <see cref="Clear"/>. All memory exists from the start.</summary>
internal sealed class RaftFrameWriter
{
    private const int MaxParts = 512;

    private readonly byte[] _body = new byte[NetLimits.MaxBodyBytes];
    private readonly PayloadPart[] _parts = new PayloadPart[MaxParts];
    private int _bytes = RaftFrameFormat.HeaderBytes;
    private int _messages;
    private int _partCount;
    private int _message; // offset of the open message, or -1
    private int _entries;
    private int _partsBefore;
    private int _payloadBefore;

    public bool IsEmpty => _messages == 0;

    public int PayloadBytes { get; private set; }

    /// <summary>Told to the receiver: our store takes no new data.</summary>
    public bool SenderIsFull { get; set; }

    /// <summary>Told to the receiver: we are about to end.</summary>
    public bool SenderIsEnding { get; set; }

    public ReadOnlySpan<byte> Body
    {
        get
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_body, (ulong)_messages);
            int flags = (SenderIsFull ? RaftFrameFormat.SenderIsFull : 0) | (SenderIsEnding ? RaftFrameFormat.SenderIsEnding : 0);
            BinaryPrimitives.WriteUInt16LittleEndian(_body.AsSpan(RaftFrameFormat.FlagsOffset), (ushort)flags);
            return _body.AsSpan(0, _bytes);
        }
    }

    public ReadOnlySpan<PayloadPart> Parts => _parts.AsSpan(0, _partCount);

    /// <summary>Adds a message without entries.</summary>
    /// <returns>False = full: send, clear and try again.</returns>
    public bool TryAdd(PgId group, ulong incarnation, in RaftMessage message)
    {
        if (!TryBegin(group, incarnation, in message)) { return false; }
        _ = End();
        return true;
    }

    /// <summary>Begins a message; entries follow, then End or Cancel.</summary>
    public bool TryBegin(PgId group, ulong incarnation, in RaftMessage message)
    {
        if (_messages == RaftFrameFormat.MaxMessages || _body.Length - _bytes < RaftFrameFormat.MessageBytes) { return false; }
        _message = _bytes;
        _entries = 0;
        _partsBefore = _partCount;
        _payloadBefore = PayloadBytes;
        Span<byte> to = _body.AsSpan(_bytes, RaftFrameFormat.MessageBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(to, group.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], incarnation);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], message.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[24..], message.Index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[32..], message.LogTerm.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[40..], message.Commit.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[48..], message.Hint.Value);
        BinaryPrimitives.WriteInt64LittleEndian(to[56..], message.Stamp);
        to[64] = (byte)message.Kind;
        to[65] = (byte)message.Flags;
        to[66..].Clear();
        _bytes += RaftFrameFormat.MessageBytes;
        return true;
    }

    /// <summary>Adds an entry to the open message; the payload is retained.</summary>
    /// <returns>False = no room for it in this frame.</returns>
    public bool TryAddEntry(Term term, EntryKind kind, ReadOnlySpan<byte> header, ReadOnlySpan<uint> crcs, PooledBuffer? payload,
        int payloadOffset, int payloadBytes)
    {
        int bytes = RaftFrameFormat.BytesOfEntry(header.Length, crcs.Length);
        if (_entries == RaftLimits.MaxEntriesPerMessage || _body.Length - _bytes < bytes || _partCount == MaxParts ||
            PayloadBytes + payloadBytes > NetLimits.MaxPayloadBytes)
        {
            return false;
        }
        Span<byte> to = _body.AsSpan(_bytes, bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(to, term.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(to[8..], (uint)payloadBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(to[12..], (ushort)header.Length);
        to[14] = (byte)kind;
        to[15] = 0;
        to = to[RaftFrameFormat.EntryBytes..];
        MemoryMarshal.AsBytes(crcs).CopyTo(to);
        to = to[(crcs.Length * sizeof(uint))..];
        header.CopyTo(to);
        to[header.Length..].Clear();
        _bytes += bytes;
        _entries++;
        if (payload != null && payloadBytes > 0)
        {
            payload.Retain();
            _parts[_partCount++] = new PayloadPart(payload, payloadOffset, payloadBytes);
            PayloadBytes += payloadBytes;
        }
        return true;
    }

    /// <summary>Closes the open message.</summary>
    /// <returns>Its entries.</returns>
    public int End()
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_body.AsSpan(_message + RaftFrameFormat.EntryCountOffset), (ushort)_entries);
        _messages++;
        return _entries;
    }

    /// <summary>Takes the open message back.</summary>
    public void Cancel()
    {
        while (_partCount > _partsBefore) { DropPart(); }
        PayloadBytes = _payloadBefore;
        _bytes = _message;
    }

    /// <summary>Begins a new frame.</summary>
    public void Clear()
    {
        while (_partCount > 0) { DropPart(); }
        PayloadBytes = 0;
        _messages = 0;
        _bytes = RaftFrameFormat.HeaderBytes;
    }

    private void DropPart()
    {
        _parts[--_partCount].Buffer.Release();
        _parts[_partCount] = default;
    }
}

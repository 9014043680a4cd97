using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>Reads raft frames; see <see cref="RaftFrameFormat"/>. Every length is checked before it is used.</summary>
internal ref struct RaftFrameReader
{
    private readonly ReadOnlySpan<byte> _body;
    private readonly int _payloadBytes;
    private int _at;
    private int _payloadAt;
    private int _left;

    private RaftFrameReader(ReadOnlySpan<byte> body, int payloadBytes, int messages)
    {
        _body = body;
        _payloadBytes = payloadBytes;
        _left = messages;
        _at = RaftFrameFormat.HeaderBytes;
    }

    /// <summary>The sender's store takes no new data.</summary>
    public bool SenderIsFull { get; private init; }

    /// <summary>The sender is about to end and takes no leadership.</summary>
    public bool SenderIsEnding { get; private init; }

    /// <summary>All messages were read.</summary>
    public readonly bool IsAtEnd => _left == 0;

    /// <summary>After the last message: the frame held exactly what it said.</summary>
    public readonly bool IsComplete => _left == 0 && _at == _body.Length && _payloadAt == _payloadBytes;

    public static bool TryOpen(ReadOnlySpan<byte> body, int payloadBytes, out RaftFrameReader reader)
    {
        reader = default;
        if (body.Length < RaftFrameFormat.HeaderBytes) { return false; }
        int messages = BinaryPrimitives.ReadUInt16LittleEndian(body);
        if (messages is 0 or > RaftFrameFormat.MaxMessages) { return false; }
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(body[RaftFrameFormat.FlagsOffset..]); // other bits are a later version's
        reader = new RaftFrameReader(body, payloadBytes, messages)
        {
            SenderIsFull = (flags & RaftFrameFormat.SenderIsFull) != 0,
            SenderIsEnding = (flags & RaftFrameFormat.SenderIsEnding) != 0,
        };
        return true;
    }

    /// <summary>The next message and its entries.</summary>
    /// <param name="entries">Room for <see cref="RaftLimits.MaxEntriesPerMessage"/>.</param>
    /// <returns>False = the frame is malformed.</returns>
    public bool TryRead(out PgId group, out ulong incarnation, out RaftMessage message, Span<ReceivedEntry> entries)
    {
        group = default;
        incarnation = 0;
        message = default;
        if (_left == 0 || _body.Length - _at < RaftFrameFormat.MessageBytes) { return false; }
        ReadOnlySpan<byte> from = _body.Slice(_at, RaftFrameFormat.MessageBytes);
        _at += RaftFrameFormat.MessageBytes;
        _left--;
        group = new PgId(BinaryPrimitives.ReadUInt64LittleEndian(from));
        incarnation = BinaryPrimitives.ReadUInt64LittleEndian(from[8..]);
        message = new RaftMessage
        {
            Term = new Term(BinaryPrimitives.ReadUInt64LittleEndian(from[16..])),
            Index = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(from[24..])),
            LogTerm = new Term(BinaryPrimitives.ReadUInt64LittleEndian(from[32..])),
            Commit = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(from[40..])),
            Hint = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(from[48..])),
            Stamp = BinaryPrimitives.ReadInt64LittleEndian(from[56..]),
            Kind = (MessageKind)from[64],
            Flags = (MessageFlags)from[65],
            EntryCount = BinaryPrimitives.ReadUInt16LittleEndian(from[RaftFrameFormat.EntryCountOffset..]),
        };
        if (!RaftFrameFormat.IsKnown(message.Kind) || message.EntryCount > RaftLimits.MaxEntriesPerMessage) { return false; }
        // Numbers that only an absurd message holds would overflow sums later on.
        if (message.Term.Value > RaftLimits.MaxNumber || message.Index.Value > RaftLimits.MaxNumber) { return false; }
        if (message.EntryCount > 0 && message.Kind != MessageKind.Append) { return false; }
        for (int i = 0; i < message.EntryCount; i++)
        {
            if (!TryReadEntry(out entries[i])) { return false; }
        }
        return true;
    }

    public readonly ReadOnlySpan<byte> Header(in ReceivedEntry entry) => _body.Slice(entry.HeaderOffset, entry.HeaderBytes);

    public readonly ReadOnlySpan<uint> Crcs(in ReceivedEntry entry) =>
        MemoryMarshal.Cast<byte, uint>(_body.Slice(entry.CrcOffset, entry.Crcs * sizeof(uint)));

    private bool TryReadEntry(out ReceivedEntry entry)
    {
        entry = default;
        if (_body.Length - _at < RaftFrameFormat.EntryBytes) { return false; }
        ReadOnlySpan<byte> from = _body.Slice(_at, RaftFrameFormat.EntryBytes);
        uint payloadBytes = BinaryPrimitives.ReadUInt32LittleEndian(from[8..]);
        int headerBytes = BinaryPrimitives.ReadUInt16LittleEndian(from[12..]);
        if (payloadBytes > ReplicationLimits.MaxPayloadBytes || payloadBytes % Units.BlockBytes != 0) { return false; }
        if (headerBytes > ReplicationLimits.MaxHeaderBytes || payloadBytes > _payloadBytes - _payloadAt) { return false; }
        entry.Term = new Term(BinaryPrimitives.ReadUInt64LittleEndian(from));
        entry.Kind = (EntryKind)from[14];
        entry.PayloadBytes = (int)payloadBytes;
        entry.PayloadOffset = _payloadAt;
        entry.Crcs = (int)payloadBytes / Units.BlockBytes;
        entry.CrcOffset = _at + RaftFrameFormat.EntryBytes;
        entry.HeaderOffset = entry.CrcOffset + (entry.Crcs * sizeof(uint));
        entry.HeaderBytes = headerBytes;
        int bytes = RaftFrameFormat.BytesOfEntry(headerBytes, entry.Crcs);
        if (!RaftFrameFormat.IsKnown(entry.Kind) || _body.Length - _at < bytes) { return false; }
        _at += bytes;
        _payloadAt += entry.PayloadBytes;
        return true;
    }
}

using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;

namespace Fastblock.Storage.Log;

/// <summary>The records of a batch: 8-byte aligned, each with a head of {kind u8, payload kind u8, flags u16, bytes u32}, then
/// the fields of its kind. docs/on-disk-format.md "Records" and LogFormatTests pin the offsets. A value of this type is a
/// record that was read and checked; its spans point into the batch.</summary>
internal readonly ref struct LogRecord
{
    public const int HeadBytes = 8;

    internal const int KindAt = 0;
    internal const int PayloadKindAt = 1;
    internal const int FlagsAt = 2;
    internal const int BytesAt = 4;
    internal const int GroupAt = 8;
    internal const int IncarnationAt = 16;
    internal const int IndexAt = 24;
    internal const int TermAt = 32;
    internal const int EntryKindAt = 40;
    internal const int EntryHeaderBytesAt = 42;
    internal const int PayloadBlocksAt = 44;
    internal const int PayloadAtAt = 48;
    internal const int FirstBatchAt = 8;
    internal const int LastBatchAt = 16;

    /// <summary>Fixed part of an entry; then its header, padded to 4 bytes, and the checksums of the payload blocks.</summary>
    public const int EntryBytes = 56;

    /// <summary>Size of a reset or base record (index and term are those of the base), and of a removal.</summary>
    public const int GroupBytes = 40;

    /// <summary>Size of a record about lost batches.</summary>
    public const int LostBatchesBytes = 24;

    public LogRecordKind Kind { get; init; }
    public LogRecordFlags Flags { get; init; }
    public LogPayloadKind PayloadKind { get; init; }
    public PgId Group { get; init; }
    public ulong Incarnation { get; init; }
    public ulong Index { get; init; }
    public ulong Term { get; init; }
    public byte EntryKind { get; init; }
    public int PayloadBlocks { get; init; }

    /// <summary>Inline: first payload block, counted from the start of the batch. External: block of the data region.</summary>
    public long PayloadAt { get; init; }

    public ReadOnlySpan<byte> EntryHeader { get; init; }

    /// <summary>CRC-32C of each payload block, little-endian.</summary>
    public ReadOnlySpan<byte> CrcBytes { get; init; }

    /// <summary>Lost batches: the first and the last one.</summary>
    public ulong FirstBatch { get; init; }

    /// <inheritdoc cref="FirstBatch"/>
    public ulong LastBatch { get; init; }

    /// <summary>Key-value record: its items.</summary>
    public ReadOnlySpan<byte> Body { get; init; }

    public static int EntrySize(int headerBytes, int payloadBlocks) =>
        Align8(EntryBytes + Align4(headerBytes) + (payloadBlocks * sizeof(uint)));

    public static int KvSize(int bodyBytes) => Align8(HeadBytes + bodyBytes);

    /// <param name="to">Exactly <see cref="EntrySize"/> bytes, zeroed.</param>
    public static void WriteEntry(Span<byte> to, in EntryRecord entry, LogRecordFlags flags, int payloadAtBlock)
    {
        int blocks = entry.Crcs.Length;
        WriteHead(to, LogRecordKind.Entry, blocks > 0 ? LogPayloadKind.Inline : LogPayloadKind.None, flags);
        WriteGroupFields(to, entry.Group, entry.Incarnation, entry.Index, entry.Term);
        to[EntryKindAt] = entry.Kind;
        BinaryPrimitives.WriteUInt16LittleEndian(to[EntryHeaderBytesAt..], (ushort)entry.Header.Length);
        BinaryPrimitives.WriteInt32LittleEndian(to[PayloadBlocksAt..], blocks);
        BinaryPrimitives.WriteInt64LittleEndian(to[PayloadAtAt..], blocks > 0 ? payloadAtBlock : 0);
        entry.Header.CopyTo(to[EntryBytes..]);
        Span<byte> crcs = to[(EntryBytes + Align4(entry.Header.Length))..];
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(entry.Crcs).CopyTo(crcs);
    }

    public static void WriteKv(Span<byte> to, ReadOnlySpan<byte> body)
    {
        WriteHead(to, LogRecordKind.Kv, LogPayloadKind.None, LogRecordFlags.None);
        body.CopyTo(to[HeadBytes..]);
    }

    public static void WriteGroup(Span<byte> to, LogRecordKind kind, PgId group, ulong incarnation, ulong index, ulong term)
    {
        WriteHead(to, kind, LogPayloadKind.None, LogRecordFlags.None);
        WriteGroupFields(to, group, incarnation, index, term);
    }

    public static void WriteLostBatches(Span<byte> to, ulong first, ulong last)
    {
        WriteHead(to, LogRecordKind.LostBatches, LogPayloadKind.None, LogRecordFlags.None);
        BinaryPrimitives.WriteUInt64LittleEndian(to[FirstBatchAt..], first);
        BinaryPrimitives.WriteUInt64LittleEndian(to[LastBatchAt..], last);
    }

    /// <summary>Reads the record at the start of <paramref name="records"/>.</summary>
    /// <param name="payloadLimit">Blocks of the batch, which inline payloads must not exceed.</param>
    /// <param name="bytes">Where the next record begins.</param>
    public static bool TryRead(ReadOnlySpan<byte> records, int headerBlocks, int payloadLimit, out LogRecord record, out int bytes)
    {
        record = default;
        bytes = 0;
        if (records.Length < HeadBytes) { return false; }
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(records[BytesAt..]);
        LogRecordFlags flags = (LogRecordFlags)BinaryPrimitives.ReadUInt16LittleEndian(records[FlagsAt..]);
        if (size < HeadBytes || size > (uint)records.Length || size % 8 != 0 || (flags & ~LogRecordFlags.Known) != 0) { return false; }
        bytes = (int)size;
        ReadOnlySpan<byte> at = records[..bytes];
        LogRecordKind kind = (LogRecordKind)at[KindAt];
        switch (kind)
        {
            case LogRecordKind.Kv:
                record = new LogRecord { Kind = kind, Flags = flags, Body = at[HeadBytes..] };
                return true;
            case LogRecordKind.Entry:
                return TryReadEntry(at, flags, headerBlocks, payloadLimit, out record);
            case LogRecordKind.GroupReset or LogRecordKind.GroupBase or LogRecordKind.GroupRemove:
                if (bytes != GroupBytes) { return false; }
                record = new LogRecord
                {
                    Kind = kind,
                    Flags = flags,
                    Group = new PgId(BinaryPrimitives.ReadUInt64LittleEndian(at[GroupAt..])),
                    Incarnation = BinaryPrimitives.ReadUInt64LittleEndian(at[IncarnationAt..]),
                    Index = BinaryPrimitives.ReadUInt64LittleEndian(at[IndexAt..]),
                    Term = BinaryPrimitives.ReadUInt64LittleEndian(at[TermAt..]),
                };
                return record.Index < LogLimits.EndOfIndexes;
            case LogRecordKind.LostBatches:
                if (bytes != LostBatchesBytes) { return false; }
                record = new LogRecord
                {
                    Kind = kind,
                    FirstBatch = BinaryPrimitives.ReadUInt64LittleEndian(at[FirstBatchAt..]),
                    LastBatch = BinaryPrimitives.ReadUInt64LittleEndian(at[LastBatchAt..]),
                };
                return record.FirstBatch > 0 && record.LastBatch >= record.FirstBatch;
            default:
                return false;
        }
    }

    private static bool TryReadEntry(
        ReadOnlySpan<byte> at, LogRecordFlags flags, int headerBlocks, int payloadLimit, out LogRecord record)
    {
        record = default;
        if (at.Length < EntryBytes) { return false; }
        int headerBytes = BinaryPrimitives.ReadUInt16LittleEndian(at[EntryHeaderBytesAt..]);
        int blocks = BinaryPrimitives.ReadInt32LittleEndian(at[PayloadBlocksAt..]);
        long payloadAt = BinaryPrimitives.ReadInt64LittleEndian(at[PayloadAtAt..]);
        LogPayloadKind payloadKind = (LogPayloadKind)at[PayloadKindAt];
        if (headerBytes > LogLimits.MaxHeaderBytes || blocks < 0 || blocks > LogLimits.MaxPayloadBlocks
            || EntrySize(headerBytes, blocks) != at.Length)
        {
            return false;
        }
        bool placed = blocks == 0
            ? payloadKind is LogPayloadKind.None && payloadAt == 0
            : payloadKind is LogPayloadKind.Inline && payloadAt >= headerBlocks && payloadAt <= payloadLimit - blocks;
        if (!placed) { return false; }
        record = new LogRecord
        {
            Kind = LogRecordKind.Entry,
            Flags = flags,
            PayloadKind = payloadKind,
            Group = new PgId(BinaryPrimitives.ReadUInt64LittleEndian(at[GroupAt..])),
            Incarnation = BinaryPrimitives.ReadUInt64LittleEndian(at[IncarnationAt..]),
            Index = BinaryPrimitives.ReadUInt64LittleEndian(at[IndexAt..]),
            Term = BinaryPrimitives.ReadUInt64LittleEndian(at[TermAt..]),
            EntryKind = at[EntryKindAt],
            PayloadBlocks = blocks,
            PayloadAt = payloadAt,
            EntryHeader = at.Slice(EntryBytes, headerBytes),
            CrcBytes = at.Slice(EntryBytes + Align4(headerBytes), blocks * sizeof(uint)),
        };
        return record.Index is > 0 and < LogLimits.EndOfIndexes;
    }

    private static void WriteHead(Span<byte> to, LogRecordKind kind, LogPayloadKind payload, LogRecordFlags flags)
    {
        to[KindAt] = (byte)kind;
        to[PayloadKindAt] = (byte)payload;
        BinaryPrimitives.WriteUInt16LittleEndian(to[FlagsAt..], (ushort)flags);
        BinaryPrimitives.WriteInt32LittleEndian(to[BytesAt..], to.Length);
    }

    private static void WriteGroupFields(Span<byte> to, PgId group, ulong incarnation, ulong index, ulong term)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(to[GroupAt..], group.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(to[IncarnationAt..], incarnation);
        BinaryPrimitives.WriteUInt64LittleEndian(to[IndexAt..], index);
        BinaryPrimitives.WriteUInt64LittleEndian(to[TermAt..], term);
    }

    private static int Align4(int value) => (value + 3) & ~3;

    private static int Align8(int value) => (value + 7) & ~7;
}

using System;
using Fastblock.Native.Base;
using Fastblock.Net.Codec;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Osd;

/// <summary>One step of a hand-over: a fixed header, then items as the step needs them. docs/wire-protocol.md, "Hand-over".
/// Every request is answered by a <see cref="HandOverAnswer"/> before the next one is sent.</summary>
internal ref struct HandOverMessage
{
    public const int HeaderBytes = 80;

    /// <summary>Hello.Features bit of a connection that carries a hand-over.</summary>
    public const ulong Feature = 1;

    /// <summary>Objects: more parts follow. Data: more blocks of this object follow.</summary>
    public const byte More = 1;

    /// <summary>Bytes of one line of the list of objects: image, index, version.</summary>
    public const int ListItemBytes = 20;

    /// <summary>Lines of one list message: a bitmap of the wanted ones fits in an answer.</summary>
    public const int MaxListItems = 1024;

    public HandOverOp Op;
    public byte Flags;
    public ushort Count;
    public PgId Pg;
    public ulong Incarnation;

    /// <summary>The state's index and term: the same in all messages of one hand-over.</summary>
    public ulong Index;
    public ulong Term;

    /// <summary>Data: which object, its version, and where the blocks of the payload go. Begin: the version is the last index of
    /// the leader's log.</summary>
    public ObjectId Object;
    public ulong Version;
    public int FirstBlock;

    /// <summary>Begin: epoch of the newest map by which the leader has purged an image.</summary>
    public ulong PurgeEpoch;

    /// <summary>Sessions, list lines, (Data) one CRC-32C for each block, or (Begin) a <see cref="GroupBase"/>.</summary>
    public ReadOnlySpan<byte> Items;

    public readonly bool HasMore => (Flags & More) != 0;

    /// <returns>The bytes written.</returns>
    public readonly int Write(Span<byte> body)
    {
        WireWriter writer = new(body);
        writer.U8((byte)Op);
        writer.U8(Flags);
        writer.U16(Count);
        writer.U32((uint)Items.Length);
        writer.U64(Pg.Value);
        writer.U64(Incarnation);
        writer.U64(Index);
        writer.U64(Term);
        writer.U64(Object.Image.Value);
        writer.U64(Version);
        writer.U32(Object.Index);
        writer.U32((uint)FirstBlock);
        writer.U64(PurgeEpoch);
        writer.Zeros(HeaderBytes - writer.Position);
        writer.Bytes(Items);
        return writer.Position;
    }

    /// <summary>Reads and checks all that can be checked without the PG.</summary>
    /// <returns>False: no OSD of this protocol sends that; close the connection.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, int payloadBytes, out HandOverMessage message)
    {
        message = default;
        WireReader reader = new(body);
        if (body.Length < HeaderBytes) { return false; }
        _ = reader.TryU8(out byte op);
        _ = reader.TryU8(out message.Flags);
        _ = reader.TryU16(out message.Count);
        _ = reader.TryU32(out uint itemBytes);
        _ = reader.TryU64(out ulong pg);
        _ = reader.TryU64(out message.Incarnation);
        _ = reader.TryU64(out message.Index);
        _ = reader.TryU64(out message.Term);
        _ = reader.TryU64(out ulong image);
        _ = reader.TryU64(out message.Version);
        _ = reader.TryU32(out uint index);
        _ = reader.TryU32(out uint firstBlock);
        _ = reader.TryU64(out message.PurgeEpoch);
        _ = reader.TryBytes(HeaderBytes - (body.Length - reader.Remaining), out _);
        message.Op = (HandOverOp)op;
        message.Pg = new PgId(pg);
        message.Object = new ObjectId(new ImageId(image), index);
        message.FirstBlock = (int)(firstBlock & int.MaxValue);
        if (itemBytes != (uint)reader.Remaining || !reader.TryBytes((int)itemBytes, out message.Items)) { return false; }
        return firstBlock <= int.MaxValue && message.IsSound(payloadBytes);
    }

    private readonly bool IsSound(int payloadBytes) => Op switch
    {
        HandOverOp.Begin => payloadBytes == 0 && Items.Length <= GroupBase.MaxBytes,
        HandOverOp.End => payloadBytes == 0 && Items.Length == 0,
        HandOverOp.Sessions => payloadBytes == 0,
        HandOverOp.Objects => payloadBytes == 0 && Count <= MaxListItems && Items.Length == Count * ListItemBytes,
        HandOverOp.Data => Count <= DataLimits.MaxBlocks && Items.Length == Count * sizeof(uint)
            && payloadBytes == Count * Units.BlockBytes && Version != 0
            && FirstBlock <= (DataLimits.MaxObjectBytes / Units.BlockBytes) - Count,
        _ => false,
    };
}

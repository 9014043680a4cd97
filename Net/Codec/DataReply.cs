using System;
using Fastblock.Native.Base;

namespace Fastblock.Net.Codec;

/// <summary>The answer to a <see cref="DataRequest"/>, OSD to client: a fixed header of <see cref="HeaderBytes"/> bytes, then
/// one CRC-32C per block of the payload, then the bitmap of a BlockMap.
/// <para>The payload of a Read is whole blocks, from the block that the request's offset lies in to the one its last byte
/// lies in; every CRC is over its whole block.</para></summary>
internal ref struct DataReply
{
    public const int HeaderBytes = 48;

    /// <summary>The request's.</summary>
    public ulong Tag;

    public DataStatus Status;
    public DataReplyFlags Flags;

    /// <summary>NotLeader, with HasHint: the OSD that leads as far as the sender knows.</summary>
    public OsdId LeaderHint;

    public PgId Pg;

    /// <summary>StaleEpoch: the map that the client needs at least. Else the sender's map.</summary>
    public Epoch Epoch;

    /// <summary>StaleOwner: the generation that owns the image now.</summary>
    public ulong OwnerGeneration;

    /// <summary>Read only: one per block of the payload.</summary>
    public ReadOnlySpan<uint> BlockCrcs;

    /// <summary>BlockMap only: bit i (bit i % 8 of byte i / 8) = touched block i has data; rounded up to whole bytes.</summary>
    public ReadOnlySpan<byte> Map;

    /// <summary>Serialises.</summary>
    /// <returns>The bytes written.</returns>
    public readonly int Write(Span<byte> body)
    {
        WireWriter writer = new(body);
        writer.U64(Tag);
        writer.U8((byte)Status);
        writer.U8((byte)Flags);
        writer.U16((ushort)BlockCrcs.Length);
        writer.U32(LeaderHint.Value);
        writer.U64(Pg.Value);
        writer.U64(Epoch.Value);
        writer.U64(OwnerGeneration);
        writer.U16((ushort)Map.Length);
        writer.Zeros(6);
        writer.U32List(BlockCrcs);
        writer.Bytes(Map);
        return writer.Position;
    }

    /// <summary>Reads and checks all that can be checked without the request. The spans point into
    /// <paramref name="body"/>.</summary>
    /// <returns>False: no OSD of this protocol sends that; close the connection.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, int payloadBytes, out DataReply reply)
    {
        reply = default;
        WireReader reader = new(body);
        if (body.Length < HeaderBytes) { return false; }
        _ = reader.TryU64(out reply.Tag);
        _ = reader.TryU8(out byte status);
        _ = reader.TryU8(out byte flags);
        _ = reader.TryU16(out ushort crcCount);
        _ = reader.TryU32(out uint hint);
        _ = reader.TryU64(out ulong pg);
        _ = reader.TryU64(out ulong epoch);
        _ = reader.TryU64(out reply.OwnerGeneration);
        _ = reader.TryU16(out ushort mapBytes);
        _ = reader.TryBytes(6, out _);
        reply.Status = (DataStatus)status;
        reply.Flags = (DataReplyFlags)flags;
        reply.LeaderHint = new OsdId(hint);
        reply.Pg = new PgId(pg);
        reply.Epoch = new Epoch(epoch);
        if (!reader.TryU32List(crcCount, out reply.BlockCrcs)) { return false; }
        if (!reader.TryBytes(mapBytes, out reply.Map) || reader.Remaining != 0) { return false; }
        if (reply.Status > DataStatus.Last || mapBytes > DataLimits.MaxMapBytes) { return false; }
        return crcCount <= DataLimits.MaxBlocks && payloadBytes == crcCount * Units.BlockBytes;
    }
}

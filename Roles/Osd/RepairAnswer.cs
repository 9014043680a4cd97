using System;
using Fastblock.Native.Base;
using Fastblock.Net.Codec;

namespace Fastblock.Roles.Osd;

/// <summary>The answer to a <see cref="RepairMessage"/>: a header, then for ScrubResult its lines. The contents of a block, or the
/// checksums, are the frame's payload.</summary>
internal ref struct RepairAnswer
{
    public const int HeaderBytes = 40;

    public RepairOp Op;

    /// <summary>None; NotFound = no such replica, or its state is incomplete; Stale = it has no such object; Again = not now; Io, BadMessage =
    /// its copy is damaged as well; Busy = the scrub is not done yet.</summary>
    public Errno Status;

    public uint Tag;

    /// <summary>Block: CRC-32C of the payload.</summary>
    public uint Crc;

    /// <summary>Of the object that the answer was read from.</summary>
    public ulong Version;

    public ReadOnlySpan<byte> Items;

    public readonly int Write(Span<byte> body)
    {
        WireWriter writer = new(body);
        writer.U8((byte)Op);
        writer.Zeros(3);
        writer.U32((uint)Status);
        writer.U32(Tag);
        writer.U32(Crc);
        writer.U64(Version);
        writer.U32((uint)Items.Length);
        writer.Zeros(HeaderBytes - writer.Position);
        writer.Bytes(Items);
        return writer.Position;
    }

    /// <returns>False: no OSD of this protocol sends that; close the connection.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, int payloadBytes, out RepairAnswer answer)
    {
        answer = default;
        if (body.Length < HeaderBytes) { return false; }
        WireReader reader = new(body);
        _ = reader.TryU8(out byte op);
        _ = reader.TryBytes(3, out _);
        _ = reader.TryU32(out uint status);
        _ = reader.TryU32(out answer.Tag);
        _ = reader.TryU32(out answer.Crc);
        _ = reader.TryU64(out answer.Version);
        _ = reader.TryU32(out uint items);
        _ = reader.TryBytes(HeaderBytes - (body.Length - reader.Remaining), out _);
        answer.Op = (RepairOp)op;
        answer.Status = (Errno)(int)(status & 0xFFFF);
        bool hasPayload = answer.Status == Errno.None && answer.Op is (RepairOp.Block or RepairOp.Checksums);
        return payloadBytes == (hasPayload ? Units.BlockBytes : 0) && items == (uint)reader.Remaining
            && items % ScrubLine.SizeBytes == 0 && reader.TryBytes((int)items, out answer.Items);
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Net.Codec;

namespace Fastblock.Roles.Osd;

/// <summary>The follower's answer to a <see cref="HandOverMessage"/>.</summary>
internal ref struct HandOverAnswer
{
    public const int HeaderBytes = 24;

    public HandOverOp Op;

    /// <summary>None, or why the hand-over has to stop: NotFound = no such replica, Stale = another incarnation or no
    /// need, Exists = the log holds the index, Again = another term, NoSpace, BadMessage = the data did not match their checksums, Busy = not now.</summary>
    public Errno Status;

    public PgId Pg;

    /// <summary>Objects: bit i = line i of the list is wanted.</summary>
    public ReadOnlySpan<byte> Wanted;

    public readonly int Write(Span<byte> body)
    {
        WireWriter writer = new(body);
        writer.U8((byte)Op);
        writer.Zeros(3);
        writer.U32((uint)Status);
        writer.U64(Pg.Value);
        writer.U32((uint)Wanted.Length);
        writer.Zeros(4);
        writer.Bytes(Wanted);
        return writer.Position;
    }

    public static bool TryRead(ReadOnlySpan<byte> body, out HandOverAnswer answer)
    {
        answer = default;
        WireReader reader = new(body);
        if (body.Length < HeaderBytes) { return false; }
        _ = reader.TryU8(out byte op);
        _ = reader.TryBytes(3, out _);
        _ = reader.TryU32(out uint status);
        _ = reader.TryU64(out ulong pg);
        _ = reader.TryU32(out uint wanted);
        _ = reader.TryU32(out _);
        answer.Op = (HandOverOp)op;
        answer.Status = (Errno)(int)(status & 0xFFFF);
        answer.Pg = new PgId(pg);
        return wanted == (uint)reader.Remaining && wanted <= HandOverMessage.MaxListItems / 8
            && reader.TryBytes((int)wanted, out answer.Wanted);
    }
}

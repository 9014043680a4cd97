using System;
using Fastblock.Native.Base;
using Fastblock.Net.Codec;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

/// <summary>One question of a replica to another one. docs/wire-protocol.md, "Repair and scrub".</summary>
internal readonly record struct RepairMessage
{
    public const int SizeBytes = 64;

    /// <summary>Hello.Features bit of a connection that carries these.</summary>
    public const ulong Feature = 2;

    public RepairOp Op { get; init; }

    /// <summary>Chosen by the asker, repeated in the answer.</summary>
    public uint Tag { get; init; }
    public PgId Pg { get; init; }
    public ulong Incarnation { get; init; }
    public ObjectId Object { get; init; }
    public int Block { get; init; }

    /// <summary>The answer must be of a state that has applied at least this. ScrubResult: the mark's index.</summary>
    public ulong Applied { get; init; }

    public void Write(Span<byte> body)
    {
        WireWriter writer = new(body[..SizeBytes]);
        writer.U8((byte)Op);
        writer.Zeros(3);
        writer.U32(Tag);
        writer.U64(Pg.Value);
        writer.U64(Incarnation);
        writer.U64(Object.Image.Value);
        writer.U32(Object.Index);
        writer.U32((uint)Block);
        writer.U64(Applied);
        writer.Zeros(SizeBytes - writer.Position);
    }

    /// <returns>False: no OSD of this protocol sends that; close the connection.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out RepairMessage message)
    {
        message = default;
        if (body.Length != SizeBytes) { return false; }
        WireReader reader = new(body);
        _ = reader.TryU8(out byte op);
        _ = reader.TryBytes(3, out _);
        _ = reader.TryU32(out uint tag);
        _ = reader.TryU64(out ulong pg);
        _ = reader.TryU64(out ulong incarnation);
        _ = reader.TryU64(out ulong image);
        _ = reader.TryU32(out uint index);
        _ = reader.TryU32(out uint block);
        _ = reader.TryU64(out ulong applied);
        if ((RepairOp)op is not (RepairOp.Block or RepairOp.Checksums or RepairOp.ScrubResult)) { return false; }
        if (block >= CrcPageFormat.MaxBlocks) { return false; }
        message = new RepairMessage
        {
            Op = (RepairOp)op,
            Tag = tag,
            Pg = new PgId(pg),
            Incarnation = incarnation,
            Object = new ObjectId(new ImageId(image), index),
            Block = (int)block,
            Applied = applied,
        };
        return true;
    }
}

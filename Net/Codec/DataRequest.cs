using System;
using Fastblock.Native.Base;

namespace Fastblock.Net.Codec;

/// <summary>One operation on one object, client to OSD. docs/wire-protocol.md (data messages) and DataRequestTests pin the
/// layout: a fixed header of <see cref="HeaderBytes"/> bytes, then one CRC-32C per block that a Write touches.
/// <para>The payload of a Write is whole blocks, from the block that <see cref="OffsetBytes"/> lies in: data byte i sits at
/// (OffsetBytes % 4096) + i, the margins are zeros and mean nothing. The CRC of the first and last block is over the
/// fragment only, if they are not covered whole.</para></summary>
internal ref struct DataRequest
{
    public const int HeaderBytes = 96;

    /// <summary>Chosen by the client and repeated in the reply; says nothing to the OSD.</summary>
    public ulong Tag;

    public DataOp Op;
    public DataFlags Flags;
    public PgId Pg;

    /// <summary>The map that the client routed by. Newer than the OSD's: the OSD fetches it. Older than the PG's last
    /// change: StaleEpoch.</summary>
    public Epoch Epoch;

    public ImageId Image;
    public uint ObjectIndex;

    /// <summary>Within the object; a multiple of 512, as is the length.</summary>
    public uint OffsetBytes;

    public uint LengthBytes;

    /// <summary>Issued by the monitors to the writer; 0 = a reader that owns nothing.</summary>
    public ulong OwnerGeneration;

    /// <summary>Number of this Write, Discard or WriteZeroes in its session and PG, from 1, never re-used; 0 for the rest.</summary>
    public ulong Sequence;

    /// <summary>Every sequence below is answered and must never be applied any more; at least 1 when Sequence is set.</summary>
    public ulong LowestUnfinished;

    /// <summary>The image's size as the client knows it.</summary>
    public ulong ImageSizeBytes;

    /// <summary>Write only: one per touched block.</summary>
    public ReadOnlySpan<uint> BlockCrcs;

    public readonly ObjectId Object => new(Image, ObjectIndex);

    /// <summary>Blocks touched, and for a Write also the number of CRCs and payload blocks.</summary>
    public readonly int Blocks => DataLimits.TouchedBlocks(OffsetBytes, LengthBytes);

    /// <summary>First touched block within the object.</summary>
    public readonly int FirstBlock => (int)(OffsetBytes / Units.BlockBytes);

    /// <summary>Is one of the operations that are logged under a sequence.</summary>
    public readonly bool IsMutation => Op is DataOp.Write or DataOp.Discard or DataOp.WriteZeroes;

    /// <summary>Serialises.</summary>
    /// <returns>The bytes written.</returns>
    public readonly int Write(Span<byte> body)
    {
        WireWriter writer = new(body);
        writer.U64(Tag);
        writer.U8((byte)Op);
        writer.U8((byte)Flags);
        writer.U16((ushort)BlockCrcs.Length);
        writer.U32(LengthBytes);
        writer.U64(Pg.Value);
        writer.U64(Epoch.Value);
        writer.U64(Image.Value);
        writer.U32(ObjectIndex);
        writer.U32(OffsetBytes);
        writer.U64(OwnerGeneration);
        writer.U64(Sequence);
        writer.U64(LowestUnfinished);
        writer.U64(ImageSizeBytes);
        writer.Zeros(16);
        writer.U32List(BlockCrcs);
        return writer.Position;
    }

    /// <summary>Reads and checks everything that can be checked without knowing the PG: known operation, sectors, lengths,
    /// CRC count and payload length as the operation needs them. The spans point into <paramref name="body"/>.</summary>
    /// <returns>False: no client of this protocol sends that; close the connection.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, int payloadBytes, out DataRequest request)
    {
        request = default;
        WireReader reader = new(body);
        if (body.Length < HeaderBytes) { return false; }
        _ = reader.TryU64(out request.Tag);
        _ = reader.TryU8(out byte op);
        _ = reader.TryU8(out byte flags);
        _ = reader.TryU16(out ushort crcCount);
        _ = reader.TryU32(out request.LengthBytes);
        _ = reader.TryU64(out ulong pg);
        _ = reader.TryU64(out ulong epoch);
        _ = reader.TryU64(out ulong image);
        _ = reader.TryU32(out request.ObjectIndex);
        _ = reader.TryU32(out request.OffsetBytes);
        _ = reader.TryU64(out request.OwnerGeneration);
        _ = reader.TryU64(out request.Sequence);
        _ = reader.TryU64(out request.LowestUnfinished);
        _ = reader.TryU64(out request.ImageSizeBytes);
        _ = reader.TryU64(out ulong reserved0);
        _ = reader.TryU64(out ulong reserved1);
        request.Op = (DataOp)op;
        request.Flags = (DataFlags)flags;
        request.Pg = new PgId(pg);
        request.Epoch = new Epoch(epoch);
        request.Image = new ImageId(image);
        if (!reader.TryU32List(crcCount, out request.BlockCrcs) || reader.Remaining != 0) { return false; }
        if ((reserved0 | reserved1) != 0 || (request.Flags & ~DataFlags.All) != 0) { return false; }
        return request.IsSound(payloadBytes);
    }

    private readonly bool IsSound(int payloadBytes)
    {
        if ((OffsetBytes | LengthBytes) % Units.SectorBytes != 0) { return false; }
        if (OffsetBytes > DataLimits.MaxObjectBytes || LengthBytes > DataLimits.MaxObjectBytes - OffsetBytes) { return false; }
        bool carriesData = Op == DataOp.Write;
        if (BlockCrcs.Length != (carriesData ? Blocks : 0)) { return false; }
        if (payloadBytes != BlockCrcs.Length * Units.BlockBytes) { return false; }
        if (IsMutation ? Sequence == 0 || LowestUnfinished == 0 || LowestUnfinished > Sequence || OwnerGeneration == 0
            : Sequence != 0)
        {
            return false;
        }
        return Op switch
        {
            DataOp.OpenSession or DataOp.CloseSession => (OffsetBytes | LengthBytes) == 0 && OwnerGeneration != 0,
            DataOp.Read or DataOp.Write => LengthBytes != 0 && Blocks <= DataLimits.MaxBlocks,
            DataOp.Discard or DataOp.WriteZeroes or DataOp.BlockMap => LengthBytes != 0,
            _ => false,
        };
    }
}

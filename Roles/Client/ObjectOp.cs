using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;

namespace Fastblock.Roles.Client;

/// <summary>One request to one PG: a part of an <see cref="ImageIo"/>, or the opening or closing of a session. Pooled by the
/// <see cref="ImageClient"/>; always in exactly one of: the free list, its PG's queue, its PG's list of sent ones.</summary>
internal sealed class ObjectOp(int slot)
{
    /// <summary>Place in the client's table, and part of the tag.</summary>
    public int Slot { get; } = slot;

    /// <summary>Counts the uses of this object, so that a late reply to an earlier use is known as such.</summary>
    public uint Generation { get; set; }

    /// <summary>Counts the sendings of this use, so that only the newest one's "not here" is believed.</summary>
    public byte Attempt { get; set; }

    public ObjectOpState State { get; set; }
    public DataOp Op { get; set; }
    public DataFlags Flags { get; set; }

    /// <summary>Null for session requests.</summary>
    public ImageIo? Io { get; set; }

    public PgSession Pg { get; set; } = null!;
    public uint ObjectIndex { get; set; }
    public uint OffsetBytes { get; set; }
    public int LengthBytes { get; set; }

    /// <summary>Where this part begins within its I/O.</summary>
    public long IoOffsetBytes { get; set; }

    /// <summary>Number of this part within its I/O.</summary>
    public int PieceIndex { get; set; }

    /// <summary>0 until it is first sent, and always for what is not logged under a sequence.</summary>
    public ulong Sequence { get; set; }

    /// <summary>When it was last sent, and where.</summary>
    public long SentNanos { get; set; }

    public OsdLink? Link { get; set; }

    /// <summary>A private copy of the data, made after its checksum did not match on arrival.</summary>
    public PooledBuffer? Bounce { get; set; }

    public bool WantsBounce { get; set; }
    public ObjectOp? Previous { get; set; }
    public ObjectOp? Next { get; set; }

    public bool NeedsSequence => Op is DataOp.Write or DataOp.Discard or DataOp.WriteZeroes;
    public bool IsSessionOp => Op is DataOp.OpenSession or DataOp.CloseSession;

    /// <summary>Slot (24 bits), attempt (8), generation (32).</summary>
    public ulong Tag => (uint)Slot | ((ulong)Attempt << 24) | ((ulong)Generation << 32);

    public static int SlotOf(ulong tag) => (int)(tag & 0xFF_FFFF);
    public static byte AttemptOf(ulong tag) => (byte)(tag >> 24 & 0xFF);
    public static uint GenerationOf(ulong tag) => (uint)(tag >> 32);
}

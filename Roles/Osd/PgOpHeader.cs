using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Osd;

/// <summary>The header of a PG's log entry: fixed, little-endian; docs/on-disk-format.md, "PG log entries". Whole blocks only,
/// so that applying it twice, in order, gives the same state.</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct PgOpHeader
{
    public const int SizeBytes = 64;

    /// <summary>WriteZeroes and CutImage: the first covered block travels as payload, because only a part of it becomes zero.</summary>
    public const byte FirstBlockInPayload = 1;

    /// <summary>WriteZeroes: the same for the last covered block.</summary>
    public const byte LastBlockInPayload = 2;

    [FieldOffset(0)] public PgOpKind Kind;
    [FieldOffset(1)] public byte Flags;
    [FieldOffset(4)] public uint ObjectIndex;
    [FieldOffset(8)] public ulong Image;
    [FieldOffset(16)] public ulong OwnerGeneration;

    /// <summary>PurgeImage: epoch of the map that says so. A leader with an older one must not believe it about images.</summary>
    [FieldOffset(24)] public ulong Sequence;
    [FieldOffset(32)] public ulong LowestUnfinished;

    /// <summary>The image's size as the leader knew it; with <see cref="SizeGeneration"/> it moves the bound.</summary>
    [FieldOffset(40)] public ulong ImageBytes;
    [FieldOffset(48)] public int FirstBlock;
    [FieldOffset(52)] public int Blocks;

    /// <summary>How often the image had been cut when it had that size.</summary>
    [FieldOffset(56)] public ulong SizeGeneration;

    public readonly ImageId ImageId => new(Image);

    public readonly ObjectId ObjectId => new(new ImageId(Image), ObjectIndex);

    /// <summary>Blocks that travel with the entry.</summary>
    public readonly int PayloadBlocks => Kind switch
    {
        PgOpKind.Write => Blocks,
        PgOpKind.WriteZeroes or PgOpKind.CutImage => (Flags & FirstBlockInPayload) + ((Flags & LastBlockInPayload) >> 1),
        _ => 0,
    };

    /// <summary>Reads and checks a header from another replica or from the log.</summary>
    /// <returns>False when it is not one that this version could have written.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, int blocksPerObject, out PgOpHeader header)
    {
        header = default;
        if (bytes.Length != SizeBytes) { return false; }
        header = MemoryMarshal.Read<PgOpHeader>(bytes);
        if (header.Kind == PgOpKind.CutImage && header.Blocks == 0) { return header.ImageBytes > 0 && header.PayloadBlocks == 0; }
        bool hasRange = header.Kind is PgOpKind.Write or PgOpKind.Discard or PgOpKind.WriteZeroes or PgOpKind.CutImage;
        if (!hasRange)
        {
            return header.Kind is PgOpKind.OpenSession or PgOpKind.CloseSession or PgOpKind.PurgeImage or PgOpKind.ScrubMark;
        }
        return header.FirstBlock >= 0 && header.Blocks > 0 && header.Blocks <= blocksPerObject
            && header.FirstBlock <= blocksPerObject - header.Blocks
            && header.Blocks >= header.PayloadBlocks;
    }

    public readonly void Write(Span<byte> bytes)
    {
        bytes[..SizeBytes].Clear();
        MemoryMarshal.Write(bytes, in this);
    }
}

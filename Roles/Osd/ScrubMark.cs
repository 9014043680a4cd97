using Fastblock.Native.Base;

namespace Fastblock.Roles.Osd;

/// <summary>What a scrub's entry in a PG's log says: compare the objects of a range as of this very entry. docs/on-disk-format.md, "PG
/// log entries".</summary>
internal readonly record struct ScrubMark
{
    private const byte HasAfter = 1;
    private const byte HasUpTo = 2;
    private const byte Finished = 4;
    private const byte ComparesOnly = 8;

    /// <summary>The range begins behind this object; null = at the first one.</summary>
    public ObjectId? After { get; init; }

    /// <summary>The range's last object; null = everything that follows.</summary>
    public ObjectId? UpTo { get; init; }

    /// <summary>The whole PG has been compared: there is no range.</summary>
    public bool IsEnd { get; init; }

    /// <summary>The blocks were read a moment ago: only the checksums are wanted.</summary>
    public bool IsRepetition { get; init; }

    /// <summary>Objects compared before this range, in this pass.</summary>
    public ulong Objects { get; init; }

    /// <summary>The leader's wall clock, for people.</summary>
    public long WallMillis { get; init; }

    public PgOpHeader ToHeader() => new()
    {
        Kind = PgOpKind.ScrubMark,
        Flags = (byte)((After is null ? 0 : HasAfter) | (UpTo is null ? 0 : HasUpTo) | (IsEnd ? Finished : 0)
            | (IsRepetition ? ComparesOnly : 0)),
        Image = After?.Image.Value ?? 0,
        ObjectIndex = After?.Index ?? 0,
        OwnerGeneration = UpTo?.Image.Value ?? 0,
        FirstBlock = unchecked((int)(UpTo?.Index ?? 0)),
        Sequence = Objects,
        LowestUnfinished = (ulong)WallMillis,
    };

    public static ScrubMark Of(in PgOpHeader op) => new()
    {
        After = (op.Flags & HasAfter) != 0 ? op.ObjectId : null,
        UpTo = (op.Flags & HasUpTo) != 0 ? new ObjectId(new ImageId(op.OwnerGeneration), unchecked((uint)op.FirstBlock)) : null,
        IsEnd = (op.Flags & Finished) != 0,
        IsRepetition = (op.Flags & ComparesOnly) != 0,
        Objects = op.Sequence,
        WallMillis = unchecked((long)op.LowestUnfinished),
    };

    /// <summary>In order of image and index.</summary>
    public static bool IsBehind(ObjectId obj, ObjectId other) =>
        obj.Image.Value != other.Image.Value ? obj.Image.Value > other.Image.Value : obj.Index > other.Index;
}

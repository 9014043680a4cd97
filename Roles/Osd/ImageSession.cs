using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;

namespace Fastblock.Roles.Osd;

/// <summary>
/// What one PG remembers of one image: the highest owner generation, whether that owner's session is open, the size, and
/// which of its requests were applied. It is replicated state: changed only by applied entries, the same on every replica.
/// The window holds one bit for each of <see cref="WindowSize"/> sequences from the lowest unfinished one on; below that the
/// client has had all its answers, so nothing below it is ever applied again.
/// </summary>
internal sealed class ImageSession(ImageId image)
{
    /// <summary>Requests of one session and PG that may be unfinished at once; the client keeps to it.</summary>
    public const int WindowSize = 1024;

    /// <summary>Longest stored form: numbers, and for an open session one bit for each sequence.</summary>
    public const int MaxStoredBytes = NumbersBytes + (WindowSize / 8);

    private const int NumbersBytes = 56;

    /// <summary>The numbers before sizes had a generation.</summary>
    private const int OldNumbersBytes = 48;

    private readonly ulong[] _applied = new ulong[WindowSize / 64];

    public ImageId Image { get; } = image;
    public ulong OwnerGeneration { get; private set; }
    public bool IsOpen { get; private set; }

    /// <summary>Largest size of <see cref="SizeGeneration"/> that any leader knew; writes beyond it are refused.</summary>
    public ulong SizeBytes { get; private set; }

    /// <summary>Counts how often the image was cut. Within one generation it only grows, so that the larger of two sizes is the newer
    /// one; a higher generation is newer than any size of a lower one. Raised by a cut only (and by the first opening).</summary>
    public ulong SizeGeneration { get; private set; }

    public ulong LowestUnfinished { get; private set; } = 1;

    /// <summary>All entries up to here are in what was loaded: the session was stored later than the PG's state record.</summary>
    public ulong AsOf { get; private set; }

    /// <summary>Changed since it was last stored; kept by <see cref="ReplicatedState"/>.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Judges a write-like request. Pure: the leader asks before it proposes, every replica at apply.</summary>
    /// <param name="lowestUnfinished">The request's own word; it may be far ahead of what was applied, because requests that
    /// were refused (for want of room) have sequences too and leave no trace here.</param>
    public SessionVerdict Judge(ulong ownerGeneration, ulong sequence, ulong lowestUnfinished)
    {
        SessionVerdict owner = JudgeOwner(ownerGeneration);
        if (owner != SessionVerdict.Fresh) { return owner; }
        if (Sabotage.Is(SabotageKind.LateDuplicateWrite) && sequence < LowestUnfinished + WindowSize) { return SessionVerdict.Fresh; }
        if (sequence < LowestUnfinished) { return SessionVerdict.Finished; }
        if (lowestUnfinished > sequence || sequence - Math.Max(LowestUnfinished, lowestUnfinished) >= WindowSize)
        {
            return SessionVerdict.BeyondWindow;
        }
        // Beyond the present window nothing was ever applied; its bit stands for an older sequence.
        if (sequence - LowestUnfinished >= WindowSize) { return SessionVerdict.Fresh; }
        return IsApplied(sequence) ? SessionVerdict.Duplicate : SessionVerdict.Fresh;
    }

    /// <summary>Judges the owner alone, as for a read.</summary>
    public SessionVerdict JudgeOwner(ulong ownerGeneration)
    {
        if (Sabotage.Is(SabotageKind.NoOwnerGenerations) && IsOpen) { return SessionVerdict.Fresh; }
        if (ownerGeneration < OwnerGeneration) { return SessionVerdict.StaleOwner; }
        return ownerGeneration == OwnerGeneration && IsOpen ? SessionVerdict.Fresh : SessionVerdict.UnknownSession;
    }

    /// <summary>Applies an OpenSession entry.</summary>
    /// <returns>Fresh or Duplicate when the session is open now, else why not.</returns>
    public SessionVerdict Open(ulong ownerGeneration, ulong sizeBytes, ulong sizeGeneration = 0)
    {
        bool isFirst = OwnerGeneration == 0 && SizeBytes == 0;
        if (ownerGeneration < OwnerGeneration) { return SessionVerdict.StaleOwner; }
        if (ownerGeneration == OwnerGeneration) { return IsOpen ? SessionVerdict.Duplicate : SessionVerdict.UnknownSession; }
        OwnerGeneration = ownerGeneration;
        IsOpen = true;
        if (isFirst) { SizeGeneration = sizeGeneration; } // nothing was written, so there is nothing to be cut
        Grow(sizeBytes, sizeGeneration);
        LowestUnfinished = 1;
        Array.Clear(_applied);
        return SessionVerdict.Fresh;
    }

    /// <summary>Applies a CloseSession entry; closing a session that is not the current one changes nothing.</summary>
    public void Close(ulong ownerGeneration)
    {
        if (ownerGeneration != OwnerGeneration || !IsOpen) { return; }
        IsOpen = false;
    }

    /// <summary>Remembers a request that was judged Fresh as applied.</summary>
    public void Record(ulong sequence, ulong lowestUnfinished, ulong sizeBytes, ulong sizeGeneration = 0)
    {
        AdvanceTo(lowestUnfinished); // first: it frees the bit
        if (Sabotage.Is(SabotageKind.LateDuplicateWrite) && sequence < LowestUnfinished) { return; }
        Invariant.Require(sequence >= LowestUnfinished && sequence - LowestUnfinished < WindowSize);
        _applied[Word(sequence)] |= Bit(sequence);
        Grow(sizeBytes, sizeGeneration);
    }

    /// <summary>Where the image ends for an entry whose leader knew this size.</summary>
    public ulong EndFor(ulong sizeBytes, ulong sizeGeneration) =>
        sizeGeneration == SizeGeneration ? Math.Max(SizeBytes, sizeBytes) : SizeBytes;

    /// <summary>Applies a cut, unless a newer one is known.</summary>
    /// <returns>Whether it is new.</returns>
    public bool TryCut(ulong sizeBytes, ulong sizeGeneration)
    {
        if (sizeGeneration <= SizeGeneration) { return false; }
        (SizeBytes, SizeGeneration) = (sizeBytes, sizeGeneration);
        return true;
    }

    private void Grow(ulong sizeBytes, ulong sizeGeneration) => SizeBytes = EndFor(sizeBytes, sizeGeneration);

    /// <summary>The client has had all answers below <paramref name="lowestUnfinished"/>.</summary>
    private void AdvanceTo(ulong lowestUnfinished)
    {
        if (lowestUnfinished <= LowestUnfinished) { return; }
        if (lowestUnfinished - LowestUnfinished >= WindowSize)
        {
            Array.Clear(_applied);
        }
        else
        {
            for (ulong s = LowestUnfinished; s < lowestUnfinished; s++) { _applied[Word(s)] &= ~Bit(s); }
        }
        LowestUnfinished = lowestUnfinished;
    }

    private bool IsApplied(ulong sequence) => (_applied[Word(sequence)] & Bit(sequence)) != 0;

    private static int Word(ulong sequence) => (int)(sequence % WindowSize / 64);

    private static ulong Bit(ulong sequence) => 1UL << (int)(sequence % 64);

    /// <summary>Writes the stored form; docs/on-disk-format.md, "PG state". A closed session needs no window: it refuses
    /// everything.</summary>
    /// <param name="asOf">Index of the last entry that was applied to the PG.</param>
    /// <returns>The bytes written.</returns>
    public int Store(Span<byte> bytes, ulong asOf)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Image.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], OwnerGeneration);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], SizeBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], LowestUnfinished);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], IsOpen ? 1UL : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[40..], asOf);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[48..], SizeGeneration);
        if (!IsOpen) { return NumbersBytes; }
        for (int i = 0; i < _applied.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[(NumbersBytes + (i * 8))..], _applied[i]);
        }
        return MaxStoredBytes;
    }

    /// <summary>Reads the stored form, from disk or from another replica.</summary>
    public static bool TryLoad(ReadOnlySpan<byte> bytes, out ImageSession session)
    {
        session = new ImageSession(default);
        int numbers = bytes.Length is OldNumbersBytes or OldNumbersBytes + (WindowSize / 8) ? OldNumbersBytes : NumbersBytes;
        if (bytes.Length != numbers && bytes.Length != numbers + (WindowSize / 8)) { return false; }
        session = new ImageSession(new ImageId(BinaryPrimitives.ReadUInt64LittleEndian(bytes)))
        {
            OwnerGeneration = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            SizeBytes = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            LowestUnfinished = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]),
            IsOpen = BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]) == 1,
            AsOf = BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]),
            SizeGeneration = numbers == NumbersBytes ? BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]) : 0,
        };
        bool isOpenSound = BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]) <= 1;
        if (!isOpenSound || session.IsOpen != (bytes.Length > numbers)) { return false; }
        for (int i = 0; session.IsOpen && i < session._applied.Length; i++)
        {
            session._applied[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(numbers + (i * 8))..]);
        }
        return session.LowestUnfinished > 0;
    }
}

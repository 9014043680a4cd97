namespace Fastblock.Roles.Osd;

/// <summary>What a PG's log entry does to its state. Values are on disk and wire.</summary>
internal enum PgOpKind : byte
{
    None = 0,

    /// <summary>A new owner of an image makes itself known; every older generation is fenced from here on.</summary>
    OpenSession = 1,

    /// <summary>The owner is done: later requests of its generation are refused.</summary>
    CloseSession = 2,

    /// <summary>Whole blocks; the leader has merged fragments at propose time.</summary>
    Write = 3,

    /// <summary>Whole blocks become holes and read as zeros.</summary>
    Discard = 4,

    /// <summary>As Discard, but partly covered edge blocks, merged by the leader, travel as payload.</summary>
    WriteZeroes = 5,

    /// <summary>Frees everything that the PG holds of a deleted image.</summary>
    PurgeImage = 6,

    /// <summary>The image became smaller: frees what lies beyond its new size, and sets that.</summary>
    CutImage = 7,

    /// <summary>Changes nothing: the index at which a scrub compares the replicas. <see cref="ScrubMark"/> says which objects.</summary>
    ScrubMark = 16,
}

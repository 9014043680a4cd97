namespace Fastblock.Storage.Log;

/// <summary>Kinds of damage in the log.</summary>
internal enum LogCorruptionKind : byte
{
    /// <summary>Whole batches that were durable cannot be read any more: unknown records are lost.</summary>
    LostBatches,

    /// <summary>An entry's payload does not match its checksums; everything else of the batch is there.</summary>
    BadPayload,

    /// <summary>A group's entries have a gap, or its base record is missing (a consequence of lost batches).</summary>
    GroupGap,
}

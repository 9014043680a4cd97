namespace Fastblock.Storage.Log;

/// <summary>Kinds of records; the values are on disk.</summary>
internal enum LogRecordKind : byte
{
    None = 0,

    /// <summary>One entry of a group.</summary>
    Entry = 1,

    /// <summary>An atomic batch of the key-value store.</summary>
    Kv = 2,

    /// <summary>The group begins anew behind the base; everything before is dead.</summary>
    GroupReset = 3,

    /// <summary>The group's entries up to the base are gone; later ones stay. Written by the cleaner.</summary>
    GroupBase = 4,

    /// <summary>The group does not exist any more.</summary>
    GroupRemove = 5,

    /// <summary>A run of earlier batches is lost, and the owners have dealt with it. Never copied: what it tells of is freed with
    /// its own segment or before.</summary>
    LostBatches = 6,
}

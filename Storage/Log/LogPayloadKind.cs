namespace Fastblock.Storage.Log;

/// <summary>Where an entry's payload is; the values are on disk.</summary>
internal enum LogPayloadKind : byte
{
    None = 0,

    /// <summary>In this batch, behind its header blocks.</summary>
    Inline = 1,

    /// <summary>In the data region (a large write that was redirected to its new place). Reserved: this version does not
    /// write it and takes a log that holds one for damaged; a feature bit will come with it.</summary>
    External = 2,
}

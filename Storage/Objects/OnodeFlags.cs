using System;

namespace Fastblock.Storage.Objects;

/// <summary>States of an object in memory; see <see cref="Onode"/>.</summary>
[Flags]
internal enum OnodeFlags : ushort
{
    None = 0,

    /// <summary>The object exists: something was applied to it. Else only reservations or a pending deletion keep it.</summary>
    Exists = 1,

    /// <summary>The key-value store holds (or is about to hold) a record of it.</summary>
    Recorded = 2,

    /// <summary>Its record must be written, or deleted when it no longer exists; it is in the dirty queue.</summary>
    Dirty = 4,

    /// <summary>A move home or an installation is at work on it: its units stay where they are.</summary>
    Busy = 8,

    /// <summary>Units may be promised that nothing needs any more: look when the last reservation goes.</summary>
    LoosePromises = 16,

    /// <summary>One checksum page is promised to it.</summary>
    PagePromised = 32,

    /// <summary>It is newer than its record in ways that no overlay entry shows (discards); it is in the stale list.</summary>
    Stale = 64,

    /// <summary>Its contents were removed while it was busy: whoever works on it must not bring them back.</summary>
    Removed = 128,
}

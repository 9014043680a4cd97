namespace Fastblock.Roles.Replication;

/// <summary>What a <see cref="LogNote"/> is about.</summary>
internal enum LogNoteKind : byte
{
    /// <summary>Nobody is interested any more (the entry was cut off).</summary>
    Void,

    Entry,
    HardState,

    /// <summary>Only its waiter is interested: a group was created, marked or removed.</summary>
    Waiter,

    /// <summary>A configuration is in the group's record.</summary>
    Members,

    /// <summary>The group exists durably and may take part.</summary>
    Created,
}

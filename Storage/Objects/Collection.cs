using System.Runtime.InteropServices;

namespace Fastblock.Storage.Objects;

/// <summary>The objects of one image in one group: a list of onodes, and what they use.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Collection
{
    public ulong Group;
    public ulong Image;

    /// <summary>Raft index at which the image was removed from the group, 0 = never: older entries are skipped.</summary>
    public ulong PurgedAt;

    /// <summary>Objects that exist.</summary>
    public long Objects;

    /// <summary>Units held or promised.</summary>
    public long Aus;

    public uint FirstOnode;
    public uint Onodes;
    public uint NextInGroup;
    public uint PrevInGroup;

    /// <summary>Its purge record must be written or deleted; it is in the queue for that.</summary>
    public bool Dirty;

    /// <summary>A purge record of it exists.</summary>
    public bool Recorded;
}

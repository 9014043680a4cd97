using System.Runtime.InteropServices;

namespace Fastblock.Storage.Objects;

/// <summary>One object in memory: this header, then one unit number per unit-sized slot of the object, then one bit per block
/// that has data at home. Lives in an <see cref="OnodeTable"/>, never on the managed heap.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Onode
{
    /// <summary>Slot without a unit.</summary>
    public const uint Unmapped = uint.MaxValue;

    /// <summary>Slot without a unit that has the promise of one: something not yet home falls into it.</summary>
    public const uint Promised = uint.MaxValue - 1;

    public ulong Group;
    public ulong Image;

    /// <summary>Raft index of the last change applied.</summary>
    public ulong Version;

    /// <summary>Raft index up to which home and record hold everything: entries up to it are skipped on replay.</summary>
    public ulong HomeVersion;

    public uint Index;

    /// <summary>Where its checksums are, or BlobGeometry.None.</summary>
    public uint CrcPage;

    /// <summary>See <see cref="CrcPageFormat"/>.</summary>
    public uint CrcPageSum;

    /// <summary>First overlay entry, or none.</summary>
    public uint OverlayHead;

    public int OverlayCount;

    /// <summary>Reservations that neither were used by an apply nor given back.</summary>
    public int Pending;

    /// <summary>Blocks with data at home.</summary>
    public int HomeBlocks;

    /// <summary>Slots with a unit.</summary>
    public int Mapped;

    /// <summary>Slots with a promise.</summary>
    public int PromisedSlots;

    /// <summary>The image's part in the group, a record of <see cref="CollectionTable"/>.</summary>
    public uint Collection;

    public uint NextInCollection;
    public uint PrevInCollection;

    /// <summary>Link of the stale list.</summary>
    public uint NextStale;

    /// <summary>Link of the stale list.</summary>
    public uint PrevStale;

    /// <summary>When it got into the stale list: grows from object to object.</summary>
    public ulong StaleSince;

    public OnodeFlags Flags;

    /// <summary>The record is an onode at present, not a free one.</summary>
    public bool Live;

    public readonly bool Is(OnodeFlags flag) => (Flags & flag) != 0;
}

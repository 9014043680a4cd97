using System;

namespace Fastblock.Net.Transport;

/// <summary>Who is at the end of a connection: the first message in both directions. docs/wire-protocol.md §2.</summary>
internal readonly record struct Hello
{
    /// <summary>The protocol this build speaks; a peer with another major is refused.</summary>
    public const ushort CurrentVersion = 1;

    public Hello() { }

    public ushort Version { get; init; } = CurrentVersion;
    public PeerRole Role { get; init; }

    /// <summary>OSD or mon id; 0 for clients.</summary>
    public uint NodeId { get; init; }

    /// <summary>The shard that this connection is for.</summary>
    public ushort Shard { get; init; }

    /// <summary>Optional abilities; unknown bits are ignored.</summary>
    public ulong Features { get; init; }

    /// <summary>Abilities without which the sender will not talk; one unknown bit = refuse.</summary>
    public ulong RequiredFeatures { get; init; }

    /// <summary>The cluster; Guid.Empty = not known yet (a first client contact), which every side accepts.</summary>
    public Guid Cluster { get; init; }

    /// <summary>Uuid of this very instance of the node: of an OSD's device, a mon's store, or a client process.</summary>
    public Guid Instance { get; init; }
}

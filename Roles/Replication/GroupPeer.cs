using System;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>Another member of one group, as the group sees it.</summary>
internal sealed class GroupPeer(PeerLink link, Guid instance)
{
    /// <summary>The connection to the member's shard, shared by all groups.</summary>
    public PeerLink Link { get; } = link;

    /// <summary>The device that is the member; another one under the same id is not.</summary>
    public Guid Instance { get; } = instance;

    /// <summary>Slot in the link's merged heartbeats while this node leads and the peer follows, or -1.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>Reads entries from the device for it while it is far behind, else null.</summary>
    public CatchUpReader? CatchUp { get; set; }

    /// <summary>Entries for it wait until the link has room.</summary>
    public bool IsBlocked { get; set; }

    /// <summary>The link's connection goes to the member itself.</summary>
    public bool IsReachable => Link.IsUp && Link.PeerInstance == Instance;

    /// <summary>Index of the oldest entry wanted from the device, for the reader.</summary>
    public LogIndex Wanted { get; set; }
}

using System;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>What a group is made of. Durable with the group from its creation on.</summary>
internal sealed record GroupConfig
{
    /// <summary>Grows each time a group of this id is created anew; nothing of another incarnation is ever let in.</summary>
    public required ulong Incarnation { get; init; }

    /// <summary>The members that vote; this node must be among them or among the learners.</summary>
    public required GroupMember[] Voters { get; init; }

    /// <summary>Members that receive the log but do not vote.</summary>
    public GroupMember[] Learners { get; init; } = Array.Empty<GroupMember>();

    /// <summary>Who should lead when it can: campaigns first and is handed the leadership once it has caught up.
    /// Not durable: given again when the group is opened, changed with <see cref="RaftGroup.SetPreferredLeader"/>.</summary>
    public NodeId Preferred { get; init; } = NodeId.None;
}

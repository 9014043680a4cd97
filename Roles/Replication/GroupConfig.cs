using System;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>What a group is made of. Durable with the group from its creation on.</summary>
internal sealed record GroupConfig
{
    /// <summary>Grows each time a group of this id is created anew; nothing of another incarnation is ever let in.</summary>
    public required ulong Incarnation { get; init; }

    /// <summary>The members that vote when the group is founded; this node must be among them or among the learners. Later on the log
    /// decides: <see cref="RaftGroup.Members"/>.</summary>
    public GroupMember[] Voters { get; init; } = Array.Empty<GroupMember>();

    /// <summary>Members that receive the log but do not vote.</summary>
    public GroupMember[] Learners { get; init; } = Array.Empty<GroupMember>();

    /// <summary>Who should lead when it can: campaigns first and is handed the leadership once it has caught up.
    /// Not durable: given again when the group is opened, changed with <see cref="RaftGroup.SetPreferredLeader"/>.</summary>
    public NodeId Preferred { get; init; } = NodeId.None;

    /// <summary>The founding configuration.</summary>
    public RaftMembers Founders => new(Pairs(Voters), Pairs(Learners));

    private static (NodeId Id, Guid Instance)[] Pairs(GroupMember[] members)
    {
        (NodeId Id, Guid Instance)[] pairs = new (NodeId, Guid)[members.Length];
        for (int i = 0; i < pairs.Length; i++) { pairs[i] = (members[i].Id, members[i].Instance); }
        return pairs;
    }
}

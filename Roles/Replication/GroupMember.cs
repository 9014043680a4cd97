using System;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>A member of a group: the node's number and the uuid of the very device (or monitor store) that holds its
/// replica. Another device under the same number is not this member: it never votes and is never counted.</summary>
internal readonly record struct GroupMember(NodeId Id, Guid Instance);

using Fastblock.Native.Base;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>A group that was found on this node's disk.</summary>
/// <param name="Members">The configuration in force where its log begins, or <see cref="RaftMembers.Unknown"/>.</param>
/// <param name="MembersIndex">Index of the entry that brought it.</param>
/// <param name="Recovering">Its state is not complete: it was in a hand-over when the node stopped, or records were lost.</param>
/// <param name="LostLog">Acknowledged entries are gone: it does not vote before a hand-over.</param>
/// <param name="VoteFloor"><see cref="RaftStart.VoteFloor"/>.</param>
internal sealed record StoredGroup(PgId Id, GroupConfig Config, RaftMembers Members, LogIndex MembersIndex, bool Recovering, bool LostLog, LogEnd VoteFloor);

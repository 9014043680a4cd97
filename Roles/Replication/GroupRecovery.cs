using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>What a replica has to remember of a loss or of a hand-over: its record `rec`.</summary>
/// <param name="IsIncomplete">The state is: only a hand-over helps.</param>
/// <param name="LostLog">Acknowledged entries are gone: no votes before the hand-over has ended.</param>
/// <param name="VoteFloor"><see cref="RaftStart.VoteFloor"/>.</param>
internal readonly record struct GroupRecovery(bool IsIncomplete, bool LostLog, LogEnd VoteFloor);

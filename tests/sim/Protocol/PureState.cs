using Fastblock.Raft;

namespace Fastblock.Tests.Sim.Protocol;

/// <summary>An applied state: everything up to an index, as a hash.</summary>
/// <param name="Members">The configuration there.</param>
/// <param name="Since">Index of the entry that brought it.</param>
internal sealed record PureState(LogIndex Index, Term Term, ulong Hash, RaftMembers Members, LogIndex Since);

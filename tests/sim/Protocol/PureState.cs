using Fastblock.Raft;

namespace Fastblock.Tests.Sim.Protocol;

/// <summary>An applied state: everything up to an index, as a hash.</summary>
internal sealed record PureState(LogIndex Index, Term Term, ulong Hash);

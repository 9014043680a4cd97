using Fastblock.Raft;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>An entry with something in it by which it is known again.</summary>
/// <param name="Members">Of an entry of kind Config; else null.</param>
internal readonly record struct RaftEntry(Term Term, EntryKind Kind, ulong Value, RaftMembers? Members = null);

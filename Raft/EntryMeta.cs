namespace Fastblock.Raft;

/// <summary>What Raft has to know of an entry that arrives with an Append message.</summary>
internal readonly record struct EntryMeta(Term Term, EntryKind Kind);

namespace Fastblock.Raft;

/// <summary>The end of a read-index request.</summary>
/// <param name="Context">What the requester gave.</param>
/// <param name="Index">Readable once everything up to here is applied.</param>
/// <param name="Confirmed">False = this node no longer leads: ask the leader.</param>
internal readonly record struct ReadOutcome(ulong Context, LogIndex Index, bool Confirmed);

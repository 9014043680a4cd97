namespace Fastblock.Raft;

/// <summary>The fixed part of a merged heartbeat; its <see cref="HeartbeatChange"/>s travel beside it.</summary>
/// <param name="Session">Drawn by the sender whenever the set is agreed anew.</param>
/// <param name="FromVersion">The version of the set that the changes build upon; 0 = the empty set of a new session.</param>
/// <param name="Version">The version after them.</param>
/// <param name="SentAt">By the sender's clock.</param>
internal readonly record struct HeartbeatBeat(ulong Session, ulong FromVersion, ulong Version, long SentAt);

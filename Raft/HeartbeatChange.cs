using Fastblock.Native.Base;

namespace Fastblock.Raft;

/// <summary>One change of the set of groups that a pair of shards beats for.</summary>
/// <param name="Slot">The number that stands for the group from now on.</param>
/// <param name="IsAdded">False: the slot is free again; the rest is 0.</param>
internal readonly record struct HeartbeatChange(uint Slot, bool IsAdded, PgId Group, ulong Incarnation, Term Term);

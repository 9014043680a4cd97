using Fastblock.Native.Base;

namespace Fastblock.Roles.Replication;

/// <summary>A group that was found on this node's disk.</summary>
/// <param name="Recovering">It was in a hand-over when the node stopped: its state is not complete.</param>
internal sealed record StoredGroup(PgId Id, GroupConfig Config, bool Recovering);

using Fastblock.Raft;

namespace Fastblock.Tests.Sim.Protocol;

/// <summary>A message on the bare network: the protocol's header, its entries, and the commands in them.</summary>
/// <param name="State">A hand-over: the sender's whole applied state; else null.</param>
internal sealed record PureMessage(RaftMessage Header, EntryMeta[] Entries, ulong[] Commands, PureState? State);

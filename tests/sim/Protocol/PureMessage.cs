using Fastblock.Raft;

namespace Fastblock.Tests.Sim.Protocol;

/// <summary>A message on the bare network: the protocol's header, its entries, and the commands in them.</summary>
/// <param name="Configs">What its entries of kind Config say, in order.</param>
/// <param name="State">A hand-over: the sender's whole applied state; else null.</param>
internal sealed record PureMessage(RaftMessage Header, EntryMeta[] Entries, ulong[] Commands, RaftMembers[] Configs, PureState? State);

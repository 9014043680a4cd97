using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>Something that was appended to the shard's log and is not durable yet; in order of sequence.</summary>
internal struct LogNote
{
    public ulong Sequence;

    /// <summary>The group that an entry or hard state is of; null for a waiter alone.</summary>
    public RaftGroup? Group;
    public LogNoteKind Kind;

    /// <summary>Entry: its index. Hard state: its version.</summary>
    public ulong Number;
    public Term Term;
    public IProposalWaiter? Waiter;
}

using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>Somebody who waits for a proposal. Exactly one of the two comes, unless the waiter abandons it.</summary>
internal interface IProposalWaiter
{
    /// <summary>The entry is committed and has been applied.</summary>
    void OnCommitted(LogIndex index);

    /// <summary>This node cannot say what becomes of the entry (it lost the leadership): it may still be committed. The
    /// request must be repeated in a way that makes doing it twice harmless.</summary>
    void OnDropped(LogIndex index);
}

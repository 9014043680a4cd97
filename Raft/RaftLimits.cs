namespace Fastblock.Raft;

/// <summary>Bounds of one group's protocol state. A test asserts how they relate.</summary>
internal static class RaftLimits
{
    /// <summary>Terms, indexes and versions from the network beyond this are absurd: sums with them must not overflow.</summary>
    public const ulong MaxNumber = 1UL << 62;

    /// <summary>Most members of a configuration, learners and outgoing voters included: five voters, their five successors
    /// and some learners. Quorum arithmetic lives on the stack because of it.</summary>
    public const int MaxMembers = 16;

    /// <summary>Messages that wait for the hard state to become durable. Only votes and refusals wait there, one per peer and
    /// round; what does not fit is dropped, as the network might have done.</summary>
    public const int MaxHeldMessages = 64;

    /// <summary>Messages in flight to one follower in the replicate state; each carries up to
    /// <see cref="MaxEntriesPerMessage"/> entries. 2 round trips' worth of loop iterations.</summary>
    public const int MaxInflightMessages = 256;

    /// <summary>Entries in one Append message: what fits into a frame with its descriptors.</summary>
    public const int MaxEntriesPerMessage = 128;

    /// <summary>Reads of one group that wait for a confirmation round.</summary>
    public const int MaxPendingReads = 4096;

    /// <summary>A follower at most so many entries behind counts as caught up: for a leadership transfer, and to become a voter.</summary>
    public const ulong CaughtUpEntries = 256;
}

namespace Fastblock.Raft;

/// <summary>One message between two replicas of a group. Entries travel beside it (<see cref="EntryCount"/> of them, behind
/// <see cref="Index"/>). docs/wire-protocol.md has the layout.</summary>
internal struct RaftMessage
{
    public MessageKind Kind;
    public MessageFlags Flags;
    public NodeId From;
    public NodeId To;
    public Term Term;

    /// <summary>Append: the index before the entries. AppendReply: durable up to here, or (Reject) the Index that did not
    /// match. Vote and pre-vote requests: the sender's last index.</summary>
    public LogIndex Index;

    /// <summary>Term of the entry at <see cref="Index"/> (Append and requests). AppendReply with Reject: term at
    /// <see cref="Hint"/>.</summary>
    public Term LogTerm;

    /// <summary>Append: the leader's commit index.</summary>
    public LogIndex Commit;

    /// <summary>AppendReply with Reject: the last index that may match; with NeedsState too: the base of the sender's log, which is
    /// committed. Without: the follower's last index.</summary>
    public LogIndex Hint;

    /// <summary>Append: when it was sent, by the leader's clock. AppendReply: the newest stamp that was received from this
    /// leader in this term. Leases and read confirmations count from it.</summary>
    public long Stamp;

    /// <summary>Append: entries that follow.</summary>
    public int EntryCount;

    public readonly bool Is(MessageFlags flag) => (Flags & flag) != 0;

    public override readonly string ToString() =>
        Kind switch
        {
            MessageKind.Append =>
                $"{From}->{To} Append t{Term} prev {Index}@{LogTerm} +{EntryCount} commit {Commit} stamp {Stamp}",
            MessageKind.AppendReply when Is(MessageFlags.Reject) =>
                $"{From}->{To} AppendReply t{Term} [{Flags}] at {Index} hint {Hint}@{LogTerm} stamp {Stamp}",
            MessageKind.AppendReply =>
                $"{From}->{To} AppendReply t{Term} [{Flags}] match {Index} last {Hint} stamp {Stamp}",
            MessageKind.VoteRequest or MessageKind.PreVoteRequest =>
                $"{From}->{To} {Kind} t{Term} [{Flags}] last {Index}@{LogTerm}",
            _ => $"{From}->{To} {Kind} t{Term} [{Flags}]",
        };
}

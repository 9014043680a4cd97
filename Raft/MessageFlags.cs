using System;

namespace Fastblock.Raft;

/// <summary>Details of a <see cref="RaftMessage"/>. Values are on the wire.</summary>
[Flags]
internal enum MessageFlags : byte
{
    None = 0,

    /// <summary>Replies: no. AppendReply: the entry at Index did not match, or the sender's term is newer.</summary>
    Reject = 1,

    /// <summary>VoteRequest: the leader itself asked for this election and has given up its lease.</summary>
    Transfer = 2,

    /// <summary>AppendReply: the entries match but there is no room for them here.</summary>
    NoRoom = 4,

    /// <summary>AppendReply: this replica's state is incomplete; only a hand-over of the whole state helps.</summary>
    NeedsState = 8,

    /// <summary>AppendReply: this replica was made to join and knows no configuration yet.</summary>
    Joining = 16,
}

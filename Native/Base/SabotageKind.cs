namespace Fastblock.Native.Base;

/// <summary>Deliberate defects, one for each protection whose loss the simulator must notice. See docs/testing.md.</summary>
internal enum SabotageKind
{
    None = 0,

    /// <summary>A voter answers before its term and vote are durable, and does not write them.</summary>
    VoteNotPersisted,

    /// <summary>A repeated write is applied again, however late it comes.</summary>
    LateDuplicateWrite,

    /// <summary>A replica whose device came back empty takes part as if it had lost nothing.</summary>
    EmptiedDeviceVotes,

    /// <summary>Owner generations are not compared: a fenced writer's requests are carried out.</summary>
    NoOwnerGenerations,

    /// <summary>Reads see entries that are in the log and not yet committed.</summary>
    UncommittedRead,

    /// <summary>Log recovery takes the first bad record for the end of the log, whatever follows it.</summary>
    RecoveryStopsAtFirstBadRecord,

    /// <summary>The leader's lease lasts a multiple of the time for which voters keep still.</summary>
    LeaseWithoutDriftBound,

    /// <summary>Entries of older terms are committed by counting replicas (Raft 5.4.2).</summary>
    CommitWithoutCurrentTerm,

    /// <summary>A replica acknowledges an entry that is not durable yet.</summary>
    AckBeforeDurable,

    /// <summary>Reads are answered without a lease and without a read-index round.</summary>
    ReadWithoutLease,

    /// <summary>In a joint configuration the incoming voters alone commit.</summary>
    CommitByIncomingOnly,

    /// <summary>In a joint configuration the incoming voters alone elect.</summary>
    ElectByIncomingOnly,

    /// <summary>A configuration counts from its commit on, not from when it is appended.</summary>
    ConfigFromCommit,

    /// <summary>A configuration whose entry was cut off stays in force.</summary>
    ConfigNotTakenBack,

    /// <summary>A leader that is no voter (any more) counts itself for commits.</summary>
    RemovedLeaderCounts,

    /// <summary>Learners are counted as voters.</summary>
    LearnerCounts,

    /// <summary>The joint configuration is left before it is committed.</summary>
    LeaveBeforeCommit,

    /// <summary>A replica that was made anew votes before it holds what its predecessor may have acknowledged.</summary>
    JoinerVotes,

    /// <summary>A replica that was made anew listens to leaders from before its predecessor was removed.</summary>
    JoinerWithoutTerm,

    /// <summary>An entry with a configuration leaves the log, and the configuration is nowhere else.</summary>
    MembersLeaveLog,

    /// <summary>A hand-over carries the configuration before the one that belongs to its state.</summary>
    HandOverOlderMembers,

    /// <summary>Who is removed by an entry that is not committed yet campaigns no more.</summary>
    RemovedNeverCampaigns,

    /// <summary>A repair takes a block from a replica that may be behind or ahead, and looks at nothing but the block's own checksum.</summary>
    RepairFromAnotherVersion,

    /// <summary>A scrub takes the replicas' checksums when it comes to it, not as of its mark.</summary>
    ScrubAtDifferentIndexes,

    /// <summary>Where an image ends is taken from the leader's map, however old that is.</summary>
    CutsForgotten,

    /// <summary>The log calls entries durable that lie in the device's cache only.</summary>
    FlushSkipped,

    /// <summary>A follower appends without looking whether its log matches the leader's before that.</summary>
    NoPreviousEntryCheck,

    /// <summary>A follower that has voted for somebody else still renews the old leader's lease with merged heartbeats.</summary>
    LeaseRenewedAfterVote,

    /// <summary>A write that is merged with a block's content does not wait for earlier writes of the block.</summary>
    MergeWithoutWaiting,

    /// <summary>Space that was given up is never free again.</summary>
    ExtentNeverFreed,

    /// <summary>An operation that a client began before its OSD lost the leadership is never given back to its pool.</summary>
    OperationKept,
}

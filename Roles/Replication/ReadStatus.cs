namespace Fastblock.Roles.Replication;

/// <summary>Outcome of <see cref="RaftGroup.TryBeginRead"/>.</summary>
internal enum ReadStatus : byte
{
    /// <summary>Read now; the waiter is not called.</summary>
    Ready,

    /// <summary>The waiter will be called.</summary>
    Pending,

    /// <summary>Ask the leader.</summary>
    NotLeader,

    /// <summary>Too many reads wait already: try again.</summary>
    Busy,
}

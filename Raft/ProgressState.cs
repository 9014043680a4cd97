namespace Fastblock.Raft;

/// <summary>How a leader feeds a follower.</summary>
internal enum ProgressState : byte
{
    /// <summary>Where its log ends is not known: one message at a time until one matches.</summary>
    Probe,

    /// <summary>It follows: entries are sent ahead of its acknowledgements, within a window.</summary>
    Replicate,

    /// <summary>The log no longer reaches back to its end: no entries until the role has handed its state over.</summary>
    Snapshot,
}

namespace Fastblock.Raft;

/// <summary>What an entry is to Raft. Values are on disk and wire.</summary>
internal enum EntryKind : byte
{
    /// <summary>An operation of the state machine; its bytes mean nothing to Raft.</summary>
    Data = 0,

    /// <summary>The first entry of a leader's term (Raft §8, thesis §6.4): empty.</summary>
    NoOp = 1,

    /// <summary>A configuration: the voters, outgoing voters and learners (<see cref="RaftMembers"/>).</summary>
    Config = 2,
}

using Fastblock.Native.Base;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>What a role makes of a group's entries. Everything is called on the group's reactor, in log order; nothing may
/// block or throw. Reserve and OnDropped are called in the middle of a step (Reserve also from within
/// <see cref="RaftGroup.TryPropose"/>) and must not call the group; everything else comes from the host's own turn in the
/// loop, never from within a call of the role.</summary>
internal interface IStateMachine
{
    /// <summary>An entry is about to be appended, on the leader as on followers: take the room that applying it will need.
    /// Anything but None refuses the append (a refused append is no acknowledgement). Called again, with the status
    /// ignored, for the entries that a restart finds in the log above the applied index.</summary>
    Errno Reserve(in EntryView entry);

    /// <summary>An appended entry will never be applied (a newer leader cut it off): give its room back. Newest first.</summary>
    void OnDropped(in EntryView entry);

    /// <summary>A committed entry, each index once and in order. Must succeed. Entries whose kind is not Data are not
    /// passed. Apply must not call TryPropose; keep follow-up work for <see cref="OnIteration"/>.</summary>
    void Apply(in AppliedEntry entry);

    /// <summary>While the group is opened: an entry that the role's stored state already covers and that the log still holds, in
    /// order. For roles whose data refer to payloads in the log; the entry's other effects are in the stored state.</summary>
    void Relay(in AppliedEntry entry) { }

    /// <summary>This node began or ceased to lead. A new leader may propose at once, but answers no read before
    /// <see cref="OnLeaderReady"/>.</summary>
    void OnLeadership(bool leader, Term term);

    /// <summary>This leader's first entry is committed and everything up to it applied: reads may begin.</summary>
    void OnLeaderReady(Term term);

    /// <summary>Leader only: the log no longer reaches back to <paramref name="peer"/>'s end; the role must hand its state over
    /// (pin the log with <see cref="RaftGroup.PinLog"/> first) and then call <see cref="RaftGroup.OnHandOverEnded"/>.
    /// Repeated about every election timeout while it is needed.</summary>
    void OnNeedsHandOver(NodeId peer, LogIndex peerLast);

    /// <summary>The log needs room: make the state up to <paramref name="upTo"/> (applied) durable without those entries,
    /// then call <see cref="RaftGroup.ReleaseLog"/>. Asked again while the log waits.</summary>
    void OnReleaseWanted(LogIndex upTo);

    /// <summary>The log lost records that this group may have held (corruption): the replica has stopped voting and
    /// acknowledging; the role reports it.</summary>
    void OnCorrupted();

    /// <summary>End of a loop iteration in which entries were applied or the leadership changed.</summary>
    void OnIteration();
}

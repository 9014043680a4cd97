using System;
using Fastblock.Native.Base;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

// Replicas that join a group, and what is kept of who the members are (docs/decisions/membership.md).
internal sealed partial class RaftHost
{
    /// <summary>Groups that look for a leader beyond the members that they know.</summary>
    private int _seeking;

    internal bool IsSeeking => _seeking > 0;

    /// <summary>Makes an empty replica of a group that exists: it knows nobody, hears the group's leader when that one has taken it in
    /// as a learner, and takes part only after it is durable. It listens to no leader from before the report, and votes for nobody
    /// whose log does not reach it: what a replica under this number acknowledged before lies there.</summary>
    /// <param name="reportTerm">Term of the leader that has reported <paramref name="reported"/>; 0 with index 0 = none was ever reported.</param>
    /// <param name="reportIndex">Index of that configuration's entry.</param>
    /// <param name="reported">The newest committed configuration that was reported: it must not name this device.</param>
    /// <param name="done">Gets OnCommitted when the replica is durable here; may be null.</param>
    /// <returns>None; Exists = already here; Again = the log is full, or has to take note of the term first: call again; Invalid = this
    /// device is a member: it has lost its replica, and has to be taken out first.</returns>
    public Errno CreateJoining(PgId id, ulong incarnation, NodeId preferred, Term reportTerm, LogIndex reportIndex, RaftMembers reported,
        IStateMachine machine, IProposalWaiter? done, out RaftGroup? group)
    {
        group = null;
        if (_groups.ContainsKey(id) || IsStored(id)) { return Errno.Exists; }
        if (reported.IsMember(Options.Self) && reported.InstanceOf(Options.Self) == Options.Instance) { return Errno.Invalid; }
        if (reportTerm.Value > DiskLog.TermCeiling)
        {
            RaiseTerms(reportTerm.Value);
            return Errno.Again;
        }
        RaftStart start = RaftStart.ToJoin(reportTerm, reportIndex) with { Preferred = preferred };
        Span<byte> hard = stackalloc byte[GroupRecords.HardStateBytes];
        GroupRecords.EncodeHardState(hard, incarnation, start.Term, start.Vote);
        Span<byte> recovery = stackalloc byte[GroupRecords.RecoveryBytes];
        GroupRecords.EncodeRecovery(recovery, incarnation, new GroupRecovery(false, false, start.VoteFloor));
        _batch.Clear();
        bool fits = _batch.TryPut(GroupRecords.ConfigKey(id), GroupRecords.EncodeConfig(incarnation, RaftMembers.Unknown, default)) &&
            _batch.TryPut(GroupRecords.HardStateKey(id), hard) && _batch.TryPut(GroupRecords.RecoveryKey(id), recovery) &&
            _batch.TryDelete(GroupRecords.CommitKey(id));
        Invariant.Require(fits);
        GroupConfig config = new() { Incarnation = incarnation, Preferred = preferred };
        return Found(id, config, machine, start, done, out group);
    }

    /// <summary>Writes the records of <see cref="_batch"/> and an empty log, and opens the group.</summary>
    private Errno Found(PgId id, GroupConfig config, IStateMachine machine, RaftStart start, IProposalWaiter? done, out RaftGroup? group)
    {
        group = null;
        // First the records, then the group: one without the other is no group at the next start.
        Errno status = Kv.Commit(_batch, listener: null, out _);
        ulong sequence = 0;
        if (status == Errno.None) { status = DiskLog.TryAppendReset(id, config.Incarnation, 0, 0, this, out sequence); }
        if (status != Errno.None) { return status == Errno.NoSpace ? Errno.Again : status; }
        group = new RaftGroup(this, id, config, machine, start, applied: default, savedMembers: default);
        Add(group);
        AddNote(new LogNote { Sequence = sequence, Kind = LogNoteKind.Created, Group = group, Waiter = done });
        return Errno.None;
    }

    /// <summary>Writes an applied configuration into the group's record.</summary>
    /// <returns>False = the log has no room.</returns>
    internal bool TrySaveMembers(RaftGroup group, RaftMembers members, LogIndex since, bool cleaning)
    {
        _batch.Clear();
        bool fits = _batch.TryPut(GroupRecords.ConfigKey(group.Id), GroupRecords.EncodeConfig(group.Config.Incarnation, members, since));
        Invariant.Require(fits);
        if (Kv.Commit(_batch, this, out ulong sequence, cleaning) != Errno.None) { return false; }
        AddNote(new LogNote { Sequence = sequence, Group = group, Kind = LogNoteKind.Members, Number = since.Value });
        return true;
    }

    /// <summary>The configurations along a stored group's log, as its record and its entries tell.</summary>
    /// <returns>Null = an entry cannot be read.</returns>
    private ConfigTrack? ReadMembers(StoredGroup stored, RaftLog log)
    {
        ConfigTrack configs = new(stored.Members, stored.MembersIndex);
        foreach (ulong at in _replay.ConfigsOf(stored.Id))
        {
            LogIndex index = new(at);
            if (index <= log.BaseIndex || !log.TryTerm(index, out Term term)) { continue; }
            bool isKnown = _replay.TryTake(stored.Id, stored.Config.Incarnation, index, term, out PendingEntry entry);
            if (!isKnown || entry.Kind != EntryKind.Config) { continue; }
            if (!RaftMembers.TryDecode(entry.Header, out RaftMembers? members)) { return null; }
            configs.Append(index, members);
        }
        return configs;
    }

    internal void OnSeeking(bool seeks)
    {
        _seeking += seeks ? 1 : -1;
        if (!seeks) { return; }
        Reached.Mark("replication: looks for a leader beyond the known members");
        foreach (PeerLink link in _links.Values) { link.MaybeDial(); }
    }

    internal PeerLink? FindLink(NodeId peer) => _links.GetValueOrDefault(peer);
}

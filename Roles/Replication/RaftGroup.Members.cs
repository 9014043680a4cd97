using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

// Who the members are (docs/decisions/membership.md). The log decides; what is derived from it here: the connections of the group,
// who is let through, and the group's record, which takes over when the log lets an entry with a configuration go.
internal sealed partial class RaftGroup
{
    /// <summary>After so many election timeouts without a leader its replica looks for one beyond the members that it knows.</summary>
    private const int SeekAfter = 4;

    private GroupPeer[] _peers = [];

    /// <summary>Index of the newest configuration in the group's record: durable, and on its way.</summary>
    private LogIndex _savedMembers;
    private LogIndex _savingMembers;

    private RaftMembers? _target;
    private LogIndex _known = new(ulong.MaxValue);
    private bool _isTargetReached;

    /// <summary>Of the target, those who are no members yet and have a replica.</summary>
    private readonly List<NodeId> _present = [];
    private long _planAt;
    private bool _leaveDue;
    private bool _isSeeking;
    private long _leaderlessSince = long.MaxValue;

    /// <summary>The configuration in force here: the newest in the log. <see cref="RaftMembers.Unknown"/> on a replica that was made
    /// to join and has not heard from the group.</summary>
    public RaftMembers Members => _node.Members;

    /// <summary>Index of the entry that brought <see cref="Members"/>; 0 = the group was founded with them.</summary>
    public LogIndex MembersIndex => _node.MembersIndex;

    /// <summary>The newest configuration that is known here to be committed.</summary>
    public RaftMembers CommittedMembers => _node.MembersAt(_node.Commit, out _);

    /// <summary>Index of the entry that brought <see cref="CommittedMembers"/>; 0 = the group was founded with them.</summary>
    public LogIndex CommittedMembersIndex
    {
        get
        {
            _ = _node.MembersAt(_node.Commit, out LogIndex since);
            return since;
        }
    }

    /// <summary>A change of members is under way.</summary>
    public bool IsChanging => _node.IsChanging;

    /// <summary>The members that are wanted, voters and perhaps learners. Whoever leads goes there step by step, with its own timers: it
    /// adds learners once they have a replica, makes them voters when they have caught up, leaves the old voters. A later call changes
    /// the goal.</summary>
    /// <param name="target">Null = they stay as they are; a joint configuration is left all the same.</param>
    public void SetTarget(RaftMembers? target)
    {
        if (_target is { } before && target is not null && before.IsSame(target)) { return; }
        _target = target;
        _present.Clear();
        _isTargetReached = false;
        _planAt = long.MinValue;
        _host.MarkReady(this);
    }

    /// <summary>Configurations up to this index are known outside of the group. Once that is told, nobody becomes a voter before it is
    /// known outside as a learner: else a replica that comes back empty could not be told from one that never was there.</summary>
    public void SetKnownMembers(LogIndex index)
    {
        _known = index;
        _planAt = long.MinValue;
        if (!_isTargetReached) { _host.MarkReady(this); }
    }

    /// <summary>May this replica be deleted, given that no map names this node in its target or in a reported configuration up to
    /// <paramref name="reported"/>? Not while its own log has a newer one with it: it is being taken in at this moment.</summary>
    public bool MayBeDeleted(LogIndex reported) =>
        _node.MembersIndex <= reported || _node.Members.InstanceOf(_node.Self) != _host.Options.Instance;

    /// <summary>Leader: how far another member has got.</summary>
    /// <param name="match">Its log equals this one's up to there.</param>
    /// <param name="needsState">It has to be handed the whole state.</param>
    public bool TryGetProgress(NodeId member, out LogIndex match, out bool needsState)
    {
        (match, needsState) = (default, false);
        int at = _node.PeerIndex(member);
        if (!_node.IsLeader || at < 0) { return false; }
        Progress peer = _node.Peers[at];
        (match, needsState) = (peer.Match, peer.NeedsState || peer.State == ProgressState.Snapshot);
        return true;
    }

    /// <summary>It looks for its leader beyond the members that it knows: they may all be gone.</summary>
    internal bool IsSeeking => _isSeeking;

    // ---- changes ----

    /// <summary>In the turn of a leader: the next step, if there is one now.</summary>
    private void TendMembers()
    {
        if (!IsLeader || _host.Failure != Errno.None) { return; }
        long now = _host.Reactor.NowNanos;
        if (_leaveDue)
        {
            _leaveDue = false;
            if (_node.TryPlanLeave(out RaftMembers? left)) { ProposeMembers(left); }
        }
        if (_target is null || !_node.IsReady || now < _planAt) { return; }
        _planAt = now + _host.Options.HeartbeatNanos;
        RaftMembers goal = Reachable(_target);
        Errno status = _node.PlanChange(goal, _known, now, out RaftMembers? next);
        _isTargetReached = status == Errno.None && next is null && goal == _target;
        if (next is not null) { ProposeMembers(next); }
    }

    /// <summary>Nobody is taken in before it has a replica: a member without one has lost it. While some are missing only those are
    /// added, as learners, that are there.</summary>
    private RaftMembers Reachable(RaftMembers target)
    {
        int missing = 0;
        foreach (NodeId id in target.All)
        {
            if (IndexOf(id) >= 0 || id == _node.Self || _present.Contains(id)) { continue; }
            missing++;
            Greet(id, target.InstanceOf(id));
        }
        if (missing == 0 || _node.Members.IsJoint) { return target; }
        List<NodeId> learners = [.. _node.Members.Learners];
        foreach (NodeId id in _present)
        {
            if (!_node.Members.IsMember(id)) { learners.Add(id); }
        }
        return _node.Members.With(_node.Members.Voters, default, learners.ToArray(), target);
    }

    /// <summary>Tells a replica that wants to join who leads, no more: it answers, if it is there.</summary>
    private void Greet(NodeId id, Guid instance)
    {
        if (_host.FindLink(id) is not { } link) { return; }
        if (!link.IsUp) { link.DialFor(_host.Options.ElectionTimeoutNanos); }
        if (!link.IsUp || !link.IsByMap || link.PeerInstance != instance) { return; }
        RaftMessage message = new() { Kind = MessageKind.Append, From = _node.Self, To = id, Term = _node.Term, Stamp = long.MinValue };
        link.Send(Id, Config.Incarnation, in message);
    }

    /// <summary>Somebody who is no member has answered a greeting. A newer term counts too: as a member it will make this leader give way
    /// to one that it can follow.</summary>
    private void OnGreeted(PeerLink link, in RaftMessage message)
    {
        bool isWanted = IsLeader && message.Term >= _node.Term && IndexOf(link.Id) < 0 && _target is not null &&
            _target.IsMember(link.Id) && _target.InstanceOf(link.Id) == link.PeerInstance && !_present.Contains(link.Id);
        if (!isWanted) { return; }
        _present.Add(link.Id);
        _planAt = long.MinValue;
        _host.MarkReady(this);
    }

    private void ProposeMembers(RaftMembers next)
    {
        byte[] header = new byte[next.EncodedBytes];
        next.Encode(header);
        PendingEntry entry = new() { Term = _node.Term, Kind = EntryKind.Config };
        if (Append(_node.NextIndex, ref entry, header, default, null, 0) != Errno.None) { return; } // it comes up again
        _host.Log.Info($"group {Id}: members become {next} at index {_node.NextIndex}");
        Effects effects = BeginStep();
        _ = _node.ProposeMembers(next, _host.Reactor.NowNanos, effects);
        EndStep(effects);
    }

    // ---- the record ----

    /// <summary>Writes the applied configuration down, when it is a newer one.</summary>
    private void SaveMembers(bool cleaning)
    {
        if (IsRecovering) { return; }
        RaftMembers members = _node.MembersAt(_applied, out LogIndex since);
        if (Sabotage.Is(SabotageKind.MembersLeaveLog)) { return; }
        if (since > _savingMembers && _host.TrySaveMembers(this, members, since, cleaning)) { _savingMembers = since; }
    }

    /// <summary>The record of the configuration at <paramref name="index"/> is durable.</summary>
    internal void OnMembersSaved(LogIndex index) => _savedMembers = LogIndex.Max(_savedMembers, index);

    /// <summary>Entries may leave the log only up to the first configuration that is nowhere else.</summary>
    private LogIndex KeepMembers(LogIndex upTo)
    {
        if (!_node.TryNextMembers(_savedMembers, out LogIndex next) || next > upTo || Sabotage.Is(SabotageKind.MembersLeaveLog)) { return upTo; }
        SaveMembers(cleaning: true);
        return next.Previous;
    }

    // ---- peers ----

    /// <summary>Index among the peers, or -1. While the node makes a step they may still be those of the configuration before.</summary>
    private int IndexOf(NodeId id)
    {
        for (int i = 0; i < _peers.Length; i++)
        {
            if (_peers[i].Link.Id == id) { return i; }
        }
        return -1;
    }

    /// <summary>May a message be let in? A member is the very device that the configuration names. But this replica may be behind the
    /// entry that brought in its leader or a candidate: entries and requests for votes are taken from any node that the map names.
    /// What only members may say is not.</summary>
    private bool LetsIn(PeerLink link, MessageKind kind)
    {
        int at = IndexOf(link.Id);
        if (at >= 0 && _peers[at].Instance == link.PeerInstance) { return true; }
        return link.IsByMap && !IsReply(kind);
    }

    private static bool IsReply(MessageKind kind) =>
        kind is MessageKind.AppendReply or MessageKind.VoteReply or MessageKind.PreVoteReply;

    private void Send(in RaftMessage message)
    {
        int at = IndexOf(message.To);
        bool isMember = at >= 0 && _peers[at].IsReachable;
        PeerLink? link = at >= 0 ? _peers[at].Link : _host.FindLink(message.To);
        // Whoever may ask is answered.
        if (link is not null && (isMember || (link.IsUp && link.IsByMap && IsReply(message.Kind))))
        {
            link.Send(Id, Config.Incarnation, in message);
        }
    }

    /// <summary>Brings the peers in line with the node's. Those that stay keep their slots and readers.</summary>
    private void UsePeers()
    {
        GroupPeer[] before = _peers;
        GroupPeer[] peers = new GroupPeer[_node.Peers.Length];
        for (int i = 0; i < peers.Length; i++)
        {
            NodeId id = _node.Peers[i].Id;
            Guid instance = _node.Members.InstanceOf(id);
            int known = IndexOf(id);
            if (known >= 0 && before[known].Instance == instance)
            {
                peers[i] = before[known];
                continue;
            }
            peers[i] = new GroupPeer(_host.Link(id), instance);
            peers[i].Link.Users++;
        }
        _peers = peers;
        foreach (GroupPeer peer in before)
        {
            if (Array.IndexOf(peers, peer) < 0) { LetGo(peer); }
        }
        foreach (GroupPeer peer in peers) { peer.Link.MaybeDial(); }
    }

    private void LetGo(GroupPeer peer)
    {
        RemoveSlot(peer);
        ReturnReader(peer); // one that is busy comes back by itself
        peer.Link.Users--;
    }

    /// <summary>Who has no leader for long, or knows nobody, connects to everybody whom the map names: the node with the lower number
    /// dials, and the leader may have the higher one.</summary>
    private void TendSeeking(long now)
    {
        bool isLost = _takesPart && !_isClosed && _node.Leader.IsNone && !_node.IsLeader;
        if (!isLost)
        {
            _leaderlessSince = long.MaxValue;
        }
        else if (_leaderlessSince == long.MaxValue)
        {
            _leaderlessSince = now;
        }
        bool seeks = isLost && (_node.Members == RaftMembers.Unknown || now - _leaderlessSince > SeekAfter * _host.Options.ElectionTimeoutNanos);
        if (seeks == _isSeeking) { return; }
        _isSeeking = seeks;
        _host.OnSeeking(seeks);
    }
}

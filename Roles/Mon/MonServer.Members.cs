using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Mon;

/// <summary>
/// Monitors come and go while the cluster runs (docs/decisions/monitors-come-and-go.md).
/// <code>
///   mon add ──► map: joining ──► leader: learner ──► caught up: joint ──► committed: voter ──► map: member
///   mon rm  ──► map: leaving ──► leader: joint without it ──► committed ──► map: gone ──► it asks, and ends
/// </code>
/// The leader derives every step again from the map and its own log; nobody remembers a task.
/// </summary>
internal sealed partial class MonServer
{
    private readonly Roster _roster = new();
    private long _seekAt;
    private bool _isSeeking;
    private bool _isRemoved;

    // ---- the leader drives ----

    /// <summary>The leader's part of every tick.</summary>
    private MonChanges? FollowGroup()
    {
        if (_group is not { IsReady: true }) { return null; }
        SetTarget();
        return _state.FollowMembers(_group.CommittedMembers);
    }

    /// <summary>Only a leader that has applied everything knows what is wanted: one that no longer leads forgets it.</summary>
    private void SetTarget()
    {
        if (_state.WantedMembers(_group!.Members, IsFit) is { } wanted) { _group.SetTarget(wanted); }
    }

    /// <summary>Is it there, and follows closely?</summary>
    private bool IsFit(MonInfo mon)
    {
        NodeId id = new(mon.Id.Value);
        Span<NodeId> seen = stackalloc NodeId[ReplicationLimits.MaxMembers];
        int count = _group!.CopyMembersSeen(seen);
        return seen[..count].Contains(id) && _group.TryGetProgress(id, out LogIndex match, out bool needsState)
            && !needsState && match >= _group.CommittedMembersIndex;
    }

    // ---- who the others are ----

    /// <summary>What this monitor remembers, before anybody is asked.</summary>
    private void RecallRoster()
    {
        List<MonInfo> mons = [];
        foreach (MonIdentityMember member in _identity.Members)
        {
            if (!NetAddress.TryParse(member.Address, 0, out NetAddress? address)) { continue; }
            _ = UuidBytes.TryRead(member.StoreUuid, out Guid store);
            mons.Add(new MonInfo(new MonId(member.Id), address, store));
        }
        _ = _roster.Offer(_identity.MembersRevision, mons);
        FollowMap();
    }

    /// <summary>The map here may have moved on.</summary>
    private void FollowMap()
    {
        if (_store.Map.Cluster is { } cluster && cluster.Changed.Value > _roster.Revision) { Offer(cluster.Changed.Value, cluster.Mons); }
    }

    private void Offer(ulong revision, IReadOnlyList<MonInfo> mons)
    {
        IReadOnlyList<MonInfo> before = _roster.Mons;
        if (!_roster.Offer(revision, mons)) { return; }
        if (_host is not null)
        {
            // Whoever is not named any more is no stranger to be let through.
            foreach (MonInfo mon in before)
            {
                if (_roster.Find(mon.Id.Value) is null) { _host.SetPeerAddress(new NodeId(mon.Id.Value), mon.Address, Guid.Empty); }
            }
            SetPeers();
        }
        if (_running && !_isRemoved && !_roster.Names(Id, _instance)) { EndRemovedAsync().Forget(); }
    }

    /// <summary>The cluster goes on without this monitor: its device says so from now on, and the process ends.</summary>
    private async ReactorTask EndRemovedAsync()
    {
        _isRemoved = true;
        Reached.Mark("mon: removed one ends");
        _identity.Removed = true;
        DurableSignal written = new();
        if (_disk.WriteIdentity(_identity, written, out ulong sequence) is Errno.None)
        {
            written.Sequence = sequence;
            _ = await written.Signal;
        }
        if (_running) { OnRemoved?.Invoke(RemovedText); }
    }

    private string RemovedText => $"mon.{_identity.MonId} has been removed from the cluster: its device can be used for a new monitor, with "
        + "'fastblock mon add --force'";

    // ---- finding the others again ----

    /// <summary>A monitor that finds no leader asks whomever it knows who the monitors are now: all that it knew may have been
    /// replaced, or it has been removed itself.</summary>
    private void SeekWhenAlone(long now)
    {
        if (_group is null || _isSeeking || _isRemoved || now - _leaderSeen < _options.SeekNanos || now < _seekAt) { return; }
        _seekAt = now + _options.SeekNanos;
        SeekAsync().Forget();
    }

    private async ReactorTask SeekAsync()
    {
        _isSeeking = true;
        List<NetAddress> known = [];
        foreach (MonInfo mon in _roster.Mons)
        {
            if (mon.Id != Id) { known.Add(mon.Address); }
        }
        foreach (NetAddress contact in _options.Contacts)
        {
            if (contact != Address && !known.Contains(contact)) { known.Add(contact); }
        }
        foreach (NetAddress address in known)
        {
            if (!_running || _isRemoved) { break; }
            Reached.Mark("mon: without a leader, asks who the monitors are");
            ControlReply reply = await AskPeerOnceAsync(address, JoinRequest(), _reactor.NowNanos + Units.NanosPerSecond);
            if (_running && TryReadMons(reply.MonJoinResult, out List<MonInfo> mons)) { Offer(reply.MonJoinResult!.Revision, mons); }
        }
        _isSeeking = false;
    }

    private static bool TryReadMons(MonJoinResult? result, out List<MonInfo> mons)
    {
        mons = [];
        if (result is null || result.Mons.Count > ReplicationLimits.MaxMembers) { return false; }
        foreach (MonRecord record in result.Mons)
        {
            if (!MonInfo.TryRead(record, out MonInfo? mon)) { return false; }
            mons.Add(mon);
        }
        return mons.Count > 0;
    }

    private ControlRequest JoinRequest() =>
        new() { MonJoin = new MonJoinRequest { Id = _identity.MonId, StoreUuid = UuidBytes.ToBytes(_instance) } };

    /// <summary>The replica of a monitor that `mon add` has made: it knows nobody until the leader takes it in.</summary>
    private async ReactorTask JoinAsync()
    {
        _log.Info($"mon.{_identity.MonId} waits for the others to take it in");
        while (_running)
        {
            // Its id was never anybody else's, so there is nothing that it could have forgotten.
            Errno status = _host!.CreateJoining(GroupId, Incarnation, NodeId.None, default, default, RaftMembers.Unknown, this, null, out _group);
            if (status is Errno.None) { return; }
            if (status is not Errno.Again)
            {
                _log.Error($"cannot make the monitors' group: {status}");
                return;
            }
            await _reactor.Delay(JoinRetryNanos);
        }
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Mon;

/// <summary>Monitors come and go (docs/decisions/monitors-come-and-go.md): the map's list is the wish, and follows what the monitors'
/// own group has committed.</summary>
internal sealed partial class MonState
{
    private MonVerdict MonAdd(MonAddRequest request)
    {
        if (!IsOurCluster(request.ClusterUuid, out string wrong)) { return Refuse(ControlStatus.StatusWrongState, wrong); }
        if (!UuidBytes.TryRead(request.StoreUuid, out Guid store) || store == Guid.Empty) { return Invalid("store_uuid is not a uuid"); }
        if (!NetAddress.TryParse(request.Address, 0, out NetAddress? address) || address.Port == 0)
        {
            return Invalid($"'{request.Address}' is not an address with a port");
        }
        IReadOnlyList<MonInfo> mons = Map.Cluster!.Mons;
        int staying = 0;
        uint next = 0;
        foreach (MonInfo mon in mons)
        {
            if (mon.Store == store) { return Again(mon, address); }
            if (mon.Address == address)
            {
                return Refuse(ControlStatus.StatusExists, $"mon.{mon.Id.Value} is at {address}: a new monitor needs an address of its own, "
                    + "or the old one has to be removed first");
            }
            staying += mon.State is MonRecordState.MonLeaving ? 0 : 1;
            next = Math.Max(next, mon.Id.Value + 1);
        }
        if (staying >= MonLimits.Monitors)
        {
            return Refuse(ControlStatus.StatusWrongState, $"there are {staying} monitors, which is the most there can be: remove one first");
        }
        if (request.CheckOnly) { return Answer(AddResult(next, mons)); }
        MonChanges changes = NewChanges();
        uint id = (uint)changes.Take(StoreKeys.NextMon, first: next);
        List<MonInfo> with = [.. mons, new MonInfo(new MonId(id), address, store, MonRecordState.MonJoining)];
        PutMons(changes, with);
        return Do(changes, AddResult(id, with));
    }

    private MonVerdict Again(MonInfo mon, NetAddress address)
    {
        if (mon.State is MonRecordState.MonLeaving)
        {
            return Refuse(ControlStatus.StatusWrongState, $"mon.{mon.Id.Value} is being removed: make a new store for a new monitor");
        }
        return mon.Address == address ? Answer(AddResult(mon.Id.Value, Map.Cluster!.Mons))
            : Refuse(ControlStatus.StatusExists, $"this store is mon.{mon.Id.Value} at {mon.Address} already");
    }

    private ControlReply AddResult(uint id, IReadOnlyList<MonInfo> mons)
    {
        MonAddResult result = new() { Id = id, ClusterUuid = UuidBytes.ToBytes(Map.Cluster!.Uuid), Shards = (uint)Map.Cluster.Shards };
        foreach (MonInfo mon in mons) { result.Mons.Add(mon.ToRecord()); }
        return new ControlReply { MonAddResult = result };
    }

    private MonVerdict MonRemove(MonRemoveRequest request)
    {
        List<MonInfo> with = [];
        MonInfo? found = null;
        int staying = 0, alive = 0;
        foreach (MonInfo mon in Map.Cluster!.Mons)
        {
            if (mon.Id.Value == request.Id)
            {
                found = mon;
                with.Add(mon with { State = MonRecordState.MonLeaving });
                continue;
            }
            with.Add(mon);
            if (mon.State is not MonRecordState.MonMember) { continue; }
            staying++;
            alive += IsInQuorum(mon) ? 1 : 0;
        }
        if (found is null) { return Refuse(ControlStatus.StatusNotFound, $"there is no mon.{request.Id}"); }
        if (found.State is MonRecordState.MonLeaving) { return Answer(new ControlReply()); }
        if (found.State is MonRecordState.MonMember && staying == 0)
        {
            return Refuse(ControlStatus.StatusWrongState, $"mon.{request.Id} is the only monitor: add another one first");
        }
        if (found.State is MonRecordState.MonMember && alive < (staying / 2) + 1 && !request.Force)
        {
            if (!KnowsMons) { return Refuse(ControlStatus.StatusAgain, "the leading monitor does not know yet which of the others are there"); }
            return Refuse(ControlStatus.StatusWrongState, $"without mon.{request.Id} only {alive} of {staying} monitors would take part, which is no "
                + "majority: start those that are down, or remove them first (--force: note it, and do it once there is a majority)");
        }
        MonChanges changes = NewChanges();
        PutMons(changes, with);
        return Do(changes);
    }

    /// <summary>Set by the server: it has led long enough to have heard from everybody who is there.</summary>
    public bool KnowsMons { get; set; } = true;

    private bool IsInQuorum(MonInfo mon)
    {
        foreach (MonStatus status in Mons)
        {
            if (status.Id == mon.Id.Value) { return status.InQuorum; }
        }
        return false;
    }

    private void PutMons(MonChanges changes, IReadOnlyList<MonInfo> mons) =>
        changes.Put(MapKeys.Cluster, (Map.Cluster! with { Mons = mons }).ToBytes());

    /// <summary>Brings the map's list in line with what the group has committed.</summary>
    /// <returns>Null = it is.</returns>
    public MonChanges? FollowMembers(RaftMembers committed)
    {
        if (Map.Cluster is not { } cluster || committed.Voters.Length == 0) { return null; }
        bool differs = false;
        List<MonInfo> now = [];
        foreach (MonInfo mon in cluster.Mons)
        {
            NodeId id = new(mon.Id.Value);
            MonInfo next = mon;
            if (mon.Store == Guid.Empty && committed.InstanceOf(id) is var store && store != Guid.Empty) { next = next with { Store = store }; }
            bool votes = committed.IsIncoming(id) && !committed.IsJoint;
            if (mon.State is MonRecordState.MonJoining && votes) { next = next with { State = MonRecordState.MonMember }; }
            bool isGone = mon.State is MonRecordState.MonLeaving && !committed.IsMember(id);
            if (!isGone) { now.Add(next); }
            differs |= isGone || next != mon;
        }
        if (!differs) { return null; }
        MonChanges changes = NewChanges();
        PutMons(changes, now);
        return changes;
    }

    /// <summary>The configuration that the map's list asks for. One that joins is a learner until it is fit to vote. One that has not
    /// come yet, and perhaps never will, is waited for only while nothing else is to be changed: it must not hold up the others.</summary>
    /// <param name="now">In force.</param>
    /// <param name="isFit">Is there and has caught up.</param>
    /// <returns>Null = the list does not say.</returns>
    public RaftMembers? WantedMembers(RaftMembers now, Func<MonInfo, bool> isFit)
    {
        List<(NodeId Id, Guid Instance)> voters = [], learners = [], awaited = [];
        foreach (MonInfo mon in Map.Cluster?.Mons ?? [])
        {
            if (mon.Store == Guid.Empty) { return null; }
            if (mon.State is MonRecordState.MonLeaving) { continue; }
            NodeId id = new(mon.Id.Value);
            bool votes = mon.State is MonRecordState.MonMember || now.IsIncoming(id) || (now.IsMember(id) && isFit(mon));
            (votes ? voters : now.IsMember(id) ? learners : awaited).Add((id, mon.Store));
        }
        if (voters.Count == 0) { return null; }
        RaftMembers wanted = new(voters.ToArray(), learners.ToArray());
        if (awaited.Count == 0 || !wanted.IsSame(now)) { return wanted; }
        learners.AddRange(awaited);
        return new RaftMembers(voters.ToArray(), learners.ToArray());
    }
}

using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Mon;
using Xunit;

namespace Fastblock.Tests.Unit.Mon;

public sealed class MonMemberTests
{
    private readonly MonFixture _mon = new();

    public MonMemberTests() => Put(3);

    private IReadOnlyList<MonInfo> Mons => _mon.Map.Cluster!.Mons;

    private static Guid Store(uint mon) => new((int)mon + 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3);

    private static MonInfo Info(uint id, MonRecordState state = MonRecordState.MonMember)
    {
        Assert.True(NetAddress.TryParse($"10.0.0.{id + 1}:7300", 0, out NetAddress? address));
        return new MonInfo(new MonId(id), address, Store(id), state);
    }

    private static RaftMembers Members(params uint[] ids) => new(ids.Select(id => (new NodeId(id), Store(id))).ToArray(), default);

    private static RaftMembers Learning(RaftMembers members, uint learner) =>
        new(members.Voters.Select(id => (id, Store(id.Value))).ToArray(), new[] { (new NodeId(learner), Store(learner)) });

    private RaftMembers Wanted(RaftMembers now, bool isFit = true) => _mon.State.WantedMembers(now, _ => isFit)!;

    private void Put(uint count)
    {
        MonChanges changes = new(_mon.Store);
        changes.Put(MapKeys.Cluster, (_mon.Map.Cluster! with { Mons = [.. Enumerable.Range(0, (int)count).Select(id => Info((uint)id))] }).ToBytes());
        _mon.Apply(changes);
        AllAlive();
    }

    private void AllAlive(params uint[] except) => _mon.State.Mons = [.. Mons.Select(mon => new MonStatus
    {
        Id = mon.Id.Value,
        Address = mon.Address.ToString(),
        State = mon.State,
        InQuorum = mon.IsMember && !except.Contains(mon.Id.Value),
    })];

    private ControlReply Add(uint store, string? address = null) => _mon.Do(new ControlRequest
    {
        MonAdd = new MonAddRequest { StoreUuid = UuidBytes.ToBytes(Store(store)), Address = address ?? $"10.0.0.{store + 1}:7300" },
    });

    private ControlReply Remove(uint id, bool force = false) =>
        _mon.Do(new ControlRequest { MonRemove = new MonRemoveRequest { Id = id, Force = force } });

    private void Follow(RaftMembers committed)
    {
        if (_mon.State.FollowMembers(committed) is { } changes) { _mon.Apply(changes); }
        AllAlive();
    }

    [Fact]
    public void A_new_monitor_gets_an_id_and_counts_for_nothing_until_it_votes()
    {
        MonAddResult added = Add(3).MonAddResult;
        Assert.Equal(3u, added.Id);
        Assert.Equal(4, added.Mons.Count);
        Assert.Equal(MonFixture.Cluster, new Guid(added.ClusterUuid.Span, bigEndian: true));
        Assert.Equal(MonRecordState.MonJoining, Mons[3].State);
        Assert.Equal([new NodeId(3)], Wanted(Members(0, 1, 2)).Learners);
        RaftMembers learning = Learning(Members(0, 1, 2), 3);
        Assert.True(Wanted(learning, isFit: false).IsSame(learning));
        Assert.Equal(4, Wanted(learning).Voters.Length);
        Follow(Members(0, 1, 2));
        Assert.Equal(MonRecordState.MonJoining, Mons[3].State);
        Follow(Members(0, 1, 2, 3));
        Assert.Equal(MonRecordState.MonMember, Mons[3].State);
    }

    [Fact]
    public void One_that_registered_and_never_comes_holds_nobody_up()
    {
        _ = Add(3);
        _ = Remove(1);
        RaftMembers wanted = Wanted(Members(0, 1, 2));
        Assert.Equal([new NodeId(0), new NodeId(2)], wanted.Voters);
        Assert.Empty(wanted.Learners);
        Assert.Equal([new NodeId(3)], Wanted(Members(0, 2)).Learners);
    }

    [Fact]
    public void A_joint_configuration_makes_nobody_a_member_yet()
    {
        _ = Add(3);
        RaftMembers joint = new(Ids(0, 1, 2, 3), Ids(0, 1, 2));
        Assert.Null(_mon.State.FollowMembers(joint));

        static NodeId[] Ids(params uint[] ids) => [.. ids.Select(id => new NodeId(id))];
    }

    [Fact]
    public void The_same_store_gets_the_same_id_and_ids_are_never_given_twice()
    {
        Assert.Equal(3u, Add(3).MonAddResult.Id);
        Assert.Equal(3u, Add(3).MonAddResult.Id);
        Assert.Equal(4, Mons.Count);
        Assert.Equal(ControlStatus.StatusOk, Remove(3).Status);
        Follow(Members(0, 1, 2));
        Assert.Equal(3, Mons.Count);
        Assert.Equal(4u, Add(3).MonAddResult.Id);
    }

    [Fact]
    public void What_cannot_be_a_monitor_is_refused()
    {
        Assert.Equal(ControlStatus.StatusExists, Add(9, "10.0.0.1:7300").Status);
        Assert.Equal(ControlStatus.StatusExists, Add(1, "10.0.0.77:7300").Status);
        Assert.Equal(ControlStatus.StatusInvalid, Add(9, "10.0.0.9:0").Status);
        Assert.Equal(ControlStatus.StatusInvalid, Add(9, "nowhere").Status);
        for (uint id = 3; id < MonLimits.Monitors; id++) { Assert.Equal(ControlStatus.StatusOk, Add(id).Status); }
        Assert.Equal(ControlStatus.StatusWrongState, Add(100, "10.0.0.100:7300").Status);
        ControlReply other = _mon.Do(new ControlRequest
        {
            MonAdd = new MonAddRequest { StoreUuid = UuidBytes.ToBytes(Store(8)), Address = "10.0.0.9:7300", ClusterUuid = UuidBytes.ToBytes(Store(1)) },
        });
        Assert.Equal(ControlStatus.StatusWrongState, other.Status);
    }

    [Fact]
    public void A_monitor_leaves_the_map_when_the_group_has_left_it()
    {
        Assert.Equal(ControlStatus.StatusOk, Remove(1).Status);
        Assert.Equal(MonRecordState.MonLeaving, Mons[1].State);
        Assert.Equal(ControlStatus.StatusOk, Remove(1).Status);
        Assert.Equal([new NodeId(0), new NodeId(2)], Wanted(Members(0, 1, 2)).Voters);
        Follow(Members(0, 1, 2));
        Assert.Equal(3, Mons.Count);
        Assert.Equal(ControlStatus.StatusWrongState, Add(1).Status);
        Follow(Members(0, 2));
        Assert.Equal([0u, 2u], Mons.Select(mon => mon.Id.Value));
        Assert.Equal(ControlStatus.StatusNotFound, Remove(1).Status);
    }

    [Fact]
    public void The_last_monitor_stays_and_so_does_one_without_which_there_is_no_majority()
    {
        AllAlive(except: 2);
        _mon.State.KnowsMons = false;
        Assert.Equal(ControlStatus.StatusAgain, Remove(0).Status);
        _mon.State.KnowsMons = true;
        Assert.Equal(ControlStatus.StatusWrongState, Remove(0).Status);
        Assert.Equal(ControlStatus.StatusOk, Remove(2).Status);
        Follow(Members(0, 1));
        AllAlive(except: 1);
        Assert.Equal(ControlStatus.StatusWrongState, Remove(0).Status);
        Assert.Equal(ControlStatus.StatusOk, Remove(0, force: true).Status);
        Assert.Equal(ControlStatus.StatusWrongState, Remove(1, force: true).Status);
        Follow(Members(1));
        Assert.Equal(ControlStatus.StatusWrongState, Remove(1, force: true).Status);
    }

    [Fact]
    public void Stores_that_an_older_version_did_not_write_down_are_filled_in()
    {
        MonChanges changes = new(_mon.Store);
        changes.Put(MapKeys.Cluster, (_mon.Map.Cluster! with { Mons = [.. Mons.Select(mon => mon with { Store = Guid.Empty })] }).ToBytes());
        _mon.Apply(changes);
        Assert.Null(_mon.State.WantedMembers(Members(0, 1, 2), _ => true));
        Follow(Members(0, 1, 2));
        Assert.Equal(Store(2), Mons[2].Store);
        Assert.Equal(3, Wanted(Members(0, 1, 2)).Voters.Length);
    }

    [Fact]
    public void Health_warns_about_an_even_number_and_about_one_that_is_joining()
    {
        Assert.False(_mon.HasHealth("MON_EVEN"));
        Assert.False(_mon.HasHealth("MON_CHANGING"));
        _ = Add(3);
        AllAlive();
        Assert.False(_mon.HasHealth("MON_EVEN"));
        Assert.False(_mon.HasHealth("MON_DOWN"));
        Assert.True(_mon.HasHealth("MON_CHANGING"));
        Follow(Members(0, 1, 2, 3));
        Assert.True(_mon.HasHealth("MON_EVEN"));
        Assert.False(_mon.HasHealth("MON_CHANGING"));
        AllAlive(except: 0);
        Assert.Equal("1 of 4 monitors do not take part", _mon.Health().Items[0].Summary);
    }
}

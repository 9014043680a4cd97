using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Mon;
using Xunit;

namespace Fastblock.Tests.Unit.Mon;

/// <summary>Watchers get every change once, in order, or the whole map.</summary>
public sealed class WatcherTests : IControlService
{
    private readonly MonFixture _mon = new();
    private readonly FakeConnection _connection = new();
    private readonly ControlSession _session;
    private readonly ClusterMap _mirror = new();

    public WatcherTests() => _session = new ControlSession(this, _connection);

    [Fact]
    public void A_new_watcher_gets_the_whole_map_and_then_only_changes()
    {
        _mon.WithOsds(3);
        Watcher watcher = new(_session, 1, new WatchRequest());
        Assert.True(watcher.Pump(_mon.Store));
        Assert.True(Assert.Single(Take()).Full);
        Assert.Equal(3, _mirror.OsdCount);
        Assert.True(watcher.Pump(_mon.Store));
        Assert.Empty(_connection.Sent);

        _mon.WithPool();
        Assert.True(watcher.Pump(_mon.Store));
        Assert.All(Take(), change => Assert.False(change.Full));
        AssertMirrorIsEqual();
    }

    [Fact]
    public void Keys_outside_the_map_are_never_sent()
    {
        _mon.WithOsds(3);
        Watcher watcher = new(_session, 1, new WatchRequest { Prefixes = { "req/", "seq/", "" } });
        watcher.Pump(_mon.Store);
        Assert.All(Take().SelectMany(change => change.Entries),
            entry => Assert.StartsWith(MapKeys.Prefix, entry.Key, StringComparison.Ordinal));
    }

    [Fact]
    public void Only_wanted_prefixes_are_sent_but_the_revision_moves_on()
    {
        _mon.WithOsds(3).WithPool();
        Watcher watcher = new(_session, 1, new WatchRequest { Prefixes = { MapKeys.Images } });
        watcher.Pump(_mon.Store);
        Take();
        _mon.CreateImage();
        _mon.Do(new ControlRequest { OsdBoot = MonFixture.BootOf(0) });
        watcher.Pump(_mon.Store);
        MapChange change = Assert.Single(Take());
        Assert.StartsWith(MapKeys.Images, Assert.Single(change.Entries).Key, StringComparison.Ordinal);
        Assert.Equal(_mon.Store.Revision, change.Revision);
    }

    [Fact]
    public void A_watcher_that_comes_back_gets_what_it_missed_deletions_included()
    {
        _mon.WithOsds(3).WithPool();
        _mon.CreateImage();
        new Watcher(_session, 1, new WatchRequest()).Pump(_mon.Store);
        Take();
        ulong seen = _mirror.Epoch.Value;
        _mon.Do(new ControlRequest { ImageRemove = new ImageRemoveRequest { Pool = "vol", Name = "demo" } });
        MonImageTests.ReportPurged(_mon, 1);
        _mon.Tick();
        new Watcher(_session, 2, new WatchRequest { FromRevision = seen }).Pump(_mon.Store);
        MapChange change = Assert.Single(Take());
        Assert.False(change.Full);
        Assert.True(Assert.Single(change.Entries).Deleted);
        Assert.Equal(0, _mirror.ImageCount);
    }

    [Fact]
    public void A_watcher_too_far_behind_gets_the_whole_map()
    {
        _mon.WithOsds(3).WithPool();
        ulong seen = _mon.Store.Revision;
        for (int i = 0; i < MonLimits.HistoryRevisions + 1; i++) { _mon.CreateImage($"i{i}", 512); }
        new Watcher(_session, 1, new WatchRequest { FromRevision = seen }).Pump(_mon.Store);
        Assert.True(Take()[0].Full);
        AssertMirrorIsEqual();
    }

    [Fact]
    public void A_watcher_that_is_ahead_of_this_monitor_waits()
    {
        _mon.WithOsds(3);
        Watcher watcher = new(_session, 1, new WatchRequest { FromRevision = _mon.Store.Revision + 2 });
        Assert.True(watcher.Pump(_mon.Store));
        Assert.Empty(_connection.Sent);
    }

    [Fact]
    public void A_slow_watcher_gets_nothing_queued_and_catches_up_in_one_step()
    {
        _mon.WithOsds(3).WithPool();
        Watcher watcher = new(_session, 1, new WatchRequest());
        _connection.QueuedBytes = RpcLimits.MaxPushQueueBytes + 1;
        Assert.False(watcher.Pump(_mon.Store));
        for (int i = 0; i < 100; i++) { _mon.CreateImage($"i{i}", 512); }
        Assert.False(watcher.Pump(_mon.Store));
        Assert.Empty(_connection.Sent);
        _connection.QueuedBytes = 0;
        Assert.True(watcher.Pump(_mon.Store));
        Take();
        AssertMirrorIsEqual();
    }

    [Fact]
    public void A_large_map_comes_in_parts_and_changes_in_between_follow()
    {
        _mon.WithOsds(5);
        _mon.Do(new ControlRequest { PoolCreate = new PoolCreateRequest { Name = "vol", PgCount = 8192 } });
        Watcher watcher = new(_session, 1, new WatchRequest());
        Assert.True(watcher.Pump(_mon.Store));
        List<MapChange> changes = Take();
        Assert.True(changes.Count > 2);
        Assert.True(changes[0].Full);
        Assert.All(changes.Skip(1), change => Assert.False(change.Full));
        Assert.All(changes.SkipLast(1), change => Assert.True(change.More));
        Assert.False(changes[^1].More);
        AssertMirrorIsEqual();
    }

    void IControlService.OnRequest(ControlSession session, ulong id, ControlRequest request) { }

    void IControlService.OnSessionClosed(ControlSession session) { }

    /// <summary>What was pushed, applied to the mirror.</summary>
    private List<MapChange> Take()
    {
        List<MapChange> changes = [.. _connection.Sent.Select(message => message.Push.MapChange)];
        _connection.Sent.Clear();
        foreach (MapChange change in changes)
        {
            if (change.Full) { _mirror.TakeOver(new ClusterMap()); }
            foreach (MapEntry entry in change.Entries)
            {
                if (entry.Deleted) { _mirror.Remove(entry.Key, new Epoch(entry.Revision)); }
                else { Assert.True(_mirror.TryPut(entry.Key, entry.Value.Span, new Epoch(entry.Revision))); }
            }
            if (!change.More) { _mirror.Advance(new Epoch(change.Revision)); }
        }
        return changes;
    }

    private void AssertMirrorIsEqual()
    {
        Assert.Equal(_mon.Map.Epoch, _mirror.Epoch);
        Assert.Equal(_mon.Map.Osds, _mirror.Osds);
        Assert.Equal(_mon.Map.Pools, _mirror.Pools);
        Assert.Equal(_mon.Map.Images, _mirror.Images);
        Assert.Equal(_mon.Map.PgCount, _mirror.PgCount);
        foreach ((PgInfo one, PgInfo other) in _mon.Map.Pgs.Zip(_mirror.Pgs))
        {
            Assert.Equal(one.Changed, other.Changed);
            Assert.Equal(one.ToBytes(), other.ToBytes());
        }
    }
}

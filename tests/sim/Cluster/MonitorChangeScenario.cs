using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Roles.Client;
using Fastblock.Roles.Cluster;
using Fastblock.Tests.Sim.Groups;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>The cluster scenario, and monitors are added and removed all the time, between one and five of them, on hosts that come and go
/// and come again with an empty device. Images are made and deleted meanwhile. In the end the first founder is removed as well, so that
/// none of the monitors is there that OSDs have in their settings; then all OSDs lose power: they find the others by what they remember.</summary>
internal sealed class MonitorChangeScenario : ClusterScenario
{
    private const int MostMons = 5;

    private readonly SimHost _operator;
    private readonly SortedSet<ulong> _ids = [];

    /// <summary>What an acknowledged command made or left, by name; a name with a command without an answer is not in it.</summary>
    private readonly SortedDictionary<string, bool> _images = new(StringComparer.Ordinal);

    private string _wrong = "";
    private bool _workEnds;
    private bool _workEnded;
    private int _changes;

    public MonitorChangeScenario(SimWorld world) : base(world, Shape) => _operator = world.AddHost("operator");

    public override string Describe() => $"{base.Describe()}; {_changes} changes of monitors, {_ids.Count} ids";

    private static ClusterDraw Shape(ClusterDraw draw) => draw.WithSmallEntries() with
    {
        Mons = draw.Shards == 1 ? 3 : 1,
        SpareMons = 3,
        EmptyOneOsd = false,
        LossyFrames = false,
        Depth = 2,
    };

    protected override void MakeTrouble()
    {
        SimSeat seat = _operator.Start().Seats[0];
        seat.Do(() => WorkAsync(seat).Forget());
        base.MakeTrouble();
    }

    protected override void Settle()
    {
        _workEnds = true;
        Await("the operator is done", () => _workEnded, 120 * Units.NanosPerSecond, MonStates);
        Require(_wrong.Length == 0, _wrong);
        Await("nobody is joining or leaving", () => AllAgree() && AllKnowTheirPlace(), 60 * Units.NanosPerSecond, MonStates);
        LeaveFirst();
        Await("all monitors agree", AllAgree, 60 * Units.NanosPerSecond, MonStates);
        foreach (OsdNode osd in Osds)
        {
            if (osd.Host.IsRunning) { osd.Host.CutPower(); }
        }
        foreach (OsdNode osd in Osds) { osd.Start(); }
        base.Settle();
        Await("all monitors agree", AllAgree, 60 * Units.NanosPerSecond, MonStates);
        CheckImages();
    }

    /// <summary>Nothing is broken any more, so all of this must work at once.</summary>
    private void LeaveFirst()
    {
        AdminNode admin = new(this);
        admin.Start();
        if (Members().Count < 2)
        {
            MonNode spare = FindSpare() ?? throw new SimFailure("no monitor is there, and no spare one either");
            Guid store = GroupsScenario.NewGuid(World.Prng);
            spare.Register(admin.Command("mon add", AddRequest(spare, store)), store);
            spare.Restart();
            Await("the new monitor votes", () => Members().Contains(spare), 60 * Units.NanosPerSecond, MonStates);
        }
        _ = admin.Command("mon rm", RemoveRequest(Mons[0]));
        Await("the first founder ends", () => Mons[0].IsRemoved, 60 * Units.NanosPerSecond, MonStates);
        admin.Stop();
    }

    /// <summary>The monitors that the leader's map names and that are at home here.</summary>
    private List<MonNode> Members()
    {
        List<MonNode> members = [];
        foreach (MonInfo info in Leader()?.Server!.Store.Map.Cluster?.Mons ?? [])
        {
            if (info.State is not MonRecordState.MonMember) { continue; }
            foreach (MonNode mon in Mons)
            {
                if (mon.Address == info.Address) { members.Add(mon); }
            }
        }
        return members;
    }

    private MonNode? Leader()
    {
        foreach (MonNode mon in Mons)
        {
            if (mon.Server is { IsLeader: true }) { return mon; }
        }
        return null;
    }

    private bool AllAgree()
    {
        if (Leader() is not { } leader) { return false; }
        ulong revision = leader.Server!.Store.Revision;
        IReadOnlyList<MonInfo> list = leader.Server.Store.Map.Cluster!.Mons;
        foreach (MonInfo info in list)
        {
            if (info.State is not MonRecordState.MonMember) { return false; }
        }
        List<MonNode> members = Members();
        foreach (MonNode mon in members)
        {
            if (mon.Server is null || mon.Server.Store.Revision != revision) { return false; }
        }
        foreach (MonNode mon in members)
        {
            string difference = Difference(leader, mon);
            if (difference.Length > 0) { throw new SimFailure(difference); }
        }
        return members.Count == list.Count;
    }

    /// <summary>Whoever was removed knows it.</summary>
    private bool AllKnowTheirPlace()
    {
        List<MonNode> members = Members();
        foreach (MonNode mon in Mons)
        {
            if (!mon.IsSpare && !mon.IsRemoved && !members.Contains(mon)) { return false; }
        }
        return true;
    }

    private static string Difference(MonNode a, MonNode b)
    {
        using IEnumerator<KeyValuePair<string, Roles.Mon.StoreValue>> left = a.Server!.Store.Values.GetEnumerator();
        using IEnumerator<KeyValuePair<string, Roles.Mon.StoreValue>> right = b.Server!.Store.Values.GetEnumerator();
        while (true)
        {
            bool more = left.MoveNext();
            if (more != right.MoveNext()) { return $"{a.Host.Name} and {b.Host.Name} have not as many keys"; }
            if (!more) { return ""; }
            bool same = left.Current.Key == right.Current.Key && left.Current.Value.Revision == right.Current.Value.Revision
                && left.Current.Value.Bytes.AsSpan().SequenceEqual(right.Current.Value.Bytes);
            if (!same) { return $"{a.Host.Name} and {b.Host.Name} differ at {left.Current.Key}"; }
        }
    }

    private void CheckImages()
    {
        SortedSet<string> found = new(StringComparer.Ordinal);
        foreach (ImageInfo image in Leader()!.Server!.Store.Map.Images)
        {
            if (image.State is ImageState.Ready) { _ = found.Add(image.Name); }
        }
        foreach ((string name, bool exists) in _images)
        {
            Require(found.Contains(name) == exists, $"image {name} {(exists ? "is gone" : "is there again")}");
        }
    }

    private string MonStates()
    {
        string text = "";
        foreach (MonNode mon in Mons) { text += $"\n  {mon.Host.Name} {(mon.Host.IsRunning ? "up" : "down")}: {mon.Describe()}"; }
        foreach (MonInfo info in Leader()?.Server!.Store.Map.Cluster?.Mons ?? []) { text += $"\n  mon.{info.Id.Value} at {info.Address} {info.State}"; }
        return text;
    }

    private static ControlRequest AddRequest(MonNode mon, Guid store) =>
        new() { MonAdd = new MonAddRequest { StoreUuid = UuidBytes.ToBytes(store), Address = mon.Address.ToString() } };

    private static ControlRequest RemoveRequest(MonNode mon, bool force = false) =>
        new() { MonRemove = new MonRemoveRequest { Id = mon.Id, Force = force } };

    /// <summary>A host that is no monitor: it never was, or has ended for good.</summary>
    private MonNode? FindSpare()
    {
        List<MonNode> spares = [];
        foreach (MonNode mon in Mons)
        {
            if (mon.IsSpare || mon.IsRemoved) { spares.Add(mon); }
        }
        return spares.Count == 0 ? null : spares[World.Prng.Below(spares.Count)];
    }

    private async ReactorTask WorkAsync(SimSeat seat)
    {
        Prng prng = World.Prng;
        var mon = new MonClient(seat.Reactor, seat.Transport, ClientOptions(), prng.Fork());
        mon.Start();
        for (int number = 0; !_workEnds; number++)
        {
            await WorkOnImageAsync(mon, $"extra{number}", remove: prng.Below(4) > 0);
            if (prng.Below(5) == 0) { await ChangeAsync(mon, prng); }
            await seat.Reactor.Delay(prng.Between(1, 200) * Units.NanosPerMilli);
        }
        mon.Stop();
        _workEnded = true;
    }

    private async ReactorTask WorkOnImageAsync(MonClient mon, string name, bool remove)
    {
        ControlReply made = await mon.RequestAsync(new ControlRequest
        {
            ImageCreate = new ImageCreateRequest { Pool = PoolName, Name = name, SizeBytes = Units.MiB },
        }, 5 * Units.NanosPerSecond);
        if (made.Status is not ControlStatus.StatusOk) { return; }
        if (!_ids.Add(made.ImageCreateResult.Id)) { _wrong = $"image id {made.ImageCreateResult.Id} was given twice"; }
        if (!remove)
        {
            _images[name] = true;
            return;
        }
        ControlReply removed = await mon.RequestAsync(new ControlRequest
        {
            ImageRemove = new ImageRemoveRequest { Pool = PoolName, Name = name },
        }, 5 * Units.NanosPerSecond);
        if (removed.Status is ControlStatus.StatusOk) { _images[name] = false; }
    }

    /// <summary>Asks until it is known what became of it.</summary>
    private static async ReactorTask<ControlReply> AskAsync(MonClient client, ControlRequest request)
    {
        while (true)
        {
            ControlReply reply = await client.RequestAsync(request.Clone(), 10 * Units.NanosPerSecond);
            if (reply.Status is not (ControlStatus.StatusTimeout or ControlStatus.StatusNoConnection)) { return reply; }
        }
    }

    private async ReactorTask ChangeAsync(MonClient client, Prng prng)
    {
        List<MonNode> there = [];
        foreach (MonNode mon in Mons)
        {
            if (!mon.IsSpare && !mon.IsRemoved && !mon.IsLeaving) { there.Add(mon); }
        }
        if (there.Count < MostMons && (there.Count < 3 || prng.Below(2) == 0) && FindSpare() is { } spare)
        {
            Guid store = GroupsScenario.NewGuid(prng);
            ControlReply added = await AskAsync(client, AddRequest(spare, store));
            if (added.Status is not ControlStatus.StatusOk) { return; }
            _changes++;
            Reached.Mark("sim: monitor added");
            spare.Register(added, store);
            spare.Restart();
            return;
        }
        // The first one stays for now: an OSD that is cut off for long must find somebody that it knows.
        MonNode leaving = there[prng.Below(there.Count)];
        if (leaving == Mons[0] || there.Count < 2) { return; }
        ControlReply answer = await AskAsync(client, RemoveRequest(leaving, force: prng.Below(4) == 0));
        if (answer.Status is not ControlStatus.StatusOk) { return; }
        _changes++;
        leaving.IsLeaving = true;
        Reached.Mark(leaving.Server is { IsLeader: true } ? "sim: leading monitor removed" : "sim: monitor removed");
    }
}

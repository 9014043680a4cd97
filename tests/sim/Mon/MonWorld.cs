using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Client;
using Fastblock.Roles.Mon;
using Fastblock.Tests.Sim.World;
using Xunit;

namespace Fastblock.Tests.Sim.Mon;

/// <summary>Monitors and one client, all production code, on simulated machines.</summary>
internal sealed class MonWorld : IDisposable
{
    public static readonly Guid Cluster = new("c0c0c0c0-0000-0000-0000-000000000001");

    public MonWorld(ulong seed, int mons, long diskBytes = 16 * Units.MiB)
    {
        Sim = new SimWorld(seed);
        for (uint id = 0; id < mons; id++) { Mons.Add(new MonNode(this, id, diskBytes)); }
        ClientHost = Sim.AddHost("client");
        Seat = ClientHost.Start().Seats[0];
        NetAddress[] addresses = [.. Mons.Select(mon => mon.Address)];
        foreach (MonNode mon in Mons) { mon.Make(Cluster, Store(mon.Id), addresses); }
        Client = new MonClient(Seat.Reactor, Seat.Transport, new MonClientOptions
        {
            Mons = addresses,
            Instance = new Guid("c1c1c1c1-0000-0000-0000-000000000001"),
            Cluster = Cluster,
        }, Sim.Prng.Fork());
    }

    public SimWorld Sim { get; }
    public List<MonNode> Mons { get; } = [];
    public SimHost ClientHost { get; }
    public SimSeat Seat { get; }
    public MonClient Client { get; }
    public MonOptions Options { get; set; } = new();

    public MonNode? Leader => Mons.Find(mon => mon.IsLeader && !mon.Host.Process!.IsPaused);

    /// <summary>One more monitor, registered and made, but not started.</summary>
    public MonNode Add(long diskBytes = 16 * Units.MiB)
    {
        MonNode mon = new(this, (uint)Mons.Count, diskBytes);
        Mons.Add(mon);
        mon.MakeJoining(Store((uint)Mons.Count - 1, life: 7));
        return mon;
    }

    public ControlReply Remove(MonNode mon, bool force = false) =>
        Ask(new ControlRequest { MonRemove = new MonRemoveRequest { Id = mon.Id, Force = force } }, seconds: 120);

    /// <summary>It has been told that it is removed, and its process has ended.</summary>
    public void RequireEnded(MonNode mon) => Require(() => mon.Removed.Length > 0 && mon.Server is null, $"mon.{mon.Id} ends");

    /// <summary>The map's list is these, and all vote.</summary>
    public void RequireMembers(params MonNode[] mons)
    {
        uint[] ids = [.. mons.Select(mon => mon.Id).Order()];
        Require(() => Leader is { Server: { } leader } && leader.Store.Map.Cluster!.Mons is { } list
            && list.All(mon => mon.State is MonRecordState.MonMember) && list.Select(mon => mon.Id.Value).SequenceEqual(ids),
            $"the monitors are {string.Join(' ', ids)}", 60);
    }

    public static Guid Store(uint id, short life = 1) => new((int)id + 1, life, 9, 1, 2, 3, 4, 5, 6, 7, 8);

    public void StartAll()
    {
        foreach (MonNode mon in Mons) { mon.Start(); }
        Seat.Do(Client.Start);
        Require(() => Client.IsMapReady, "the client has a map");
    }

    /// <summary>Starts a command; the reply arrives in the box.</summary>
    public List<ControlReply> Begin(ControlRequest request, long seconds = 30)
    {
        List<ControlReply> box = [];
        Seat.Do(() => RunAsync().Start());
        return box;

        async ReactorTask RunAsync() => box.Add(await Client.RequestAsync(request, seconds * Units.NanosPerSecond));
    }

    public ControlReply Ask(ControlRequest request, long seconds = 30)
    {
        List<ControlReply> box = Begin(request, seconds);
        Require(() => box.Count > 0, $"an answer to {request.CommandCase}", seconds + 5);
        return box[0];
    }

    public ControlReply NewOsd(uint id) => Ask(NewOsdRequest(id));

    public static ControlRequest NewOsdRequest(uint id) => new()
    {
        OsdNew = Unit.Mon.MonFixture.NewOsd(id, $"h{id}", Cluster),
    };

    public void Require(Func<bool> condition, string what, long seconds = 30)
    {
        if (Sim.RunUntil(condition, seconds * Units.NanosPerSecond)) { return; }
        Assert.Fail($"seed {Sim.Seed}: not in {seconds} s: {what}\n" + string.Join('\n', Mons.SelectMany(mon => mon.Lines).TakeLast(40)));
    }

    /// <summary>All running monitors agree, and the client's mirror with them.</summary>
    public void RequireConverged()
    {
        Require(() => Leader is { } leader && Mons.TrueForAll(mon => mon.Server is null || mon.Server.Store.Revision == leader.Server!.Store.Revision)
            && Client.Map.Epoch.Value == leader.Server!.Store.Revision, "everybody is at the same revision");
        MonNode first = Leader!;
        foreach (MonNode mon in Mons.Where(mon => mon.Server is not null)) { Assert.Equal(first.Dump(), mon.Dump()); }
        Assert.Equal(first.Server!.Store.Map.Osds, Client.Map.Osds);
    }

    public void Dispose() => Sim.Dispose();
}

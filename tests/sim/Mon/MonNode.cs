using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Mon;
using Fastblock.Storage.Device;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Mon;

/// <summary>One simulated monitor: a host with a disk, and the production server on it.</summary>
internal sealed class MonNode
{
    private readonly MonWorld _world;
    private readonly SimDisk _disk;

    public MonNode(MonWorld world, uint id, long diskBytes)
    {
        _world = world;
        Id = id;
        Host = world.Sim.AddHost($"mon{id}");
        _disk = Host.AddDisk(diskBytes);
        Address = new NetAddress(Host.Address, 7300);
    }

    public uint Id { get; private set; }
    public SimHost Host { get; }
    public NetAddress Address { get; }

    /// <summary>The running server; null while it is down.</summary>
    public MonServer? Server { get; private set; }

    /// <summary>Why it did not start, or what making it said; empty = it did.</summary>
    public string Refusal { get; private set; } = "";

    /// <summary>What it said when it ended because it is no monitor any more; empty = it did not.</summary>
    public string Removed { get; private set; } = "";

    public List<string> Lines { get; } = [];

    public bool IsLeader => Server is { IsLeader: true };

    public string Dump() => string.Join('\n', Server!.Store.Values.Select(
        pair => $"{pair.Key} {pair.Value.Revision} {Convert.ToHexString(pair.Value.Bytes)}"));

    /// <summary>Runs `mon mkfs` on the disk; the process ends with it.</summary>
    public void Make(Guid cluster, Guid store, IReadOnlyList<NetAddress> mons, bool force = false)
    {
        Make(new MonMkfs { Cluster = cluster, Id = new MonId(Id), Mons = mons, Store = store, Force = force, Shards = 2 });
    }

    private void Make(MonMkfs mkfs)
    {
        SimSeat seat = Host.Start().Seats[0];
        bool done = false;
        seat.Do(() => RunAsync().Start());
        _world.Require(() => done, "mkfs ends");
        Host.EndOrderly();

        async ReactorTask RunAsync()
        {
            VolumeResult result = await mkfs.RunAsync(seat.Reactor, _disk.Open(seat));
            Refusal = result.Text;
            done = true;
        }
    }

    /// <summary>Runs `mon add` on the disk: an id from the running monitors, then the store.</summary>
    public void MakeJoining(Guid store)
    {
        ControlReply reply = _world.Ask(new ControlRequest
        {
            MonAdd = new MonAddRequest { StoreUuid = UuidBytes.ToBytes(store), Address = Address.ToString() },
        }, seconds: 120);
        if (reply.Status is not ControlStatus.StatusOk)
        {
            Refusal = reply.Text;
            return;
        }
        Id = reply.MonAddResult.Id;
        MonMkfs mkfs = new()
        {
            Cluster = MonWorld.Cluster,
            Id = new MonId(Id),
            Joins = [.. reply.MonAddResult.Mons.Select(record => MonInfo.TryRead(record, out MonInfo? mon) ? mon : throw new InvalidOperationException())],
            JoinsRevision = reply.Revision,
            Store = store,
            Force = true,
            Shards = 2,
        };
        Make(mkfs);
    }

    public void Start()
    {
        SimSeat seat = Host.Start().Seats[0];
        IBlockDevice device = _disk.Open(seat);
        Refusal = "";
        MonServer server = new(_world.Options, seat.Reactor, seat.Transport, device,
            new Log($"mon{Id}", seat.Reactor.Clock, new Lined(Lines), LogLevel.Debug))
        {
            OnRemoved = OnRemoved,
        };
        Server = server;
        seat.Do(() => RunAsync().Start());

        async ReactorTask RunAsync()
        {
            Refusal = await server.StartAsync() ?? "";
            // The process of its former life may have been killed between noting that and ending.
            if (Refusal.Contains("has been removed", StringComparison.Ordinal)) { OnRemoved(Refusal); }
        }
    }

    /// <summary>The process ends, a moment later.</summary>
    private void OnRemoved(string text)
    {
        Removed = text;
        MonServer? server = Server;
        _world.Sim.Schedule(1, () =>
        {
            if (Server == server && server is not null) { Kill(); }
        });
    }

    public void Kill()
    {
        Host.Kill();
        Server = null;
    }

    public void CutPower()
    {
        Host.CutPower();
        Server = null;
    }

    /// <summary>An empty disk in place of the old one.</summary>
    public void ReplaceDisk() => _disk.Replace();

    private sealed class Lined(List<string> lines) : ILogOutput
    {
        public void Write(string line) => lines.Add(line);
    }
}

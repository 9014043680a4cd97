using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Device;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.World;
using Xunit;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>One node of a <see cref="ReplicaWorld"/>: a simulated host with a disk, and the real host, log and store on it.</summary>
internal sealed class ReplicaNode : IHelloGate, IConnectionAcceptor
{
    private readonly ReplicaWorld _world;
    private readonly SimDisk _disk;
    private SimSeat? _seat;

    public ReplicaNode(ReplicaWorld world, uint id)
    {
        _world = world;
        Id = new NodeId(id);
        Instance = new Guid((int)id + 1, 7, 7, 1, 2, 3, 4, 5, 6, 7, 8);
        SimHost = world.Sim.AddHost($"n{id}", world.DriftPpm(id));
        _disk = SimHost.AddDisk(world.DiskBytes);
        Address = new NetAddress(SimHost.Address, 7000);
    }

    public NodeId Id { get; }
    public Guid Instance { get; }
    public SimHost SimHost { get; }
    public SimDisk Disk => _disk;
    public NetAddress Address { get; }
    public RaftHost? Host { get; private set; }
    public DiskLog? Log { get; private set; }
    public bool IsOpening { get; private set; }
    public SimSeat Seat => _seat!;

    /// <summary>One for each group.</summary>
    public List<RecordingMachine> Machines { get; } = [];
    public List<RaftGroup> Groups { get; } = [];
    public RaftGroup? Group => Groups.Count > 0 ? Groups[0] : null;
    public RecordingMachine Machine => Machines[0];
    public bool IsUp => SimHost.IsRunning && Host is { IsStarted: true };
    public int Created { get; private set; }

    public void Start(bool format)
    {
        Machines.Clear();
        Groups.Clear();
        Host = null;
        Log = null;
        SimProcess process = SimHost.Start(1, [(4096, 1024), (16 * 1024, 256), (64 * 1024, 64), (256 * 1024, 32), (516 * 1024, 32)]);
        _seat = process.Seats[0];
        SimSeat seat = _seat;
        seat.Do(() => OpenAsync(seat, format).Forget(e => throw new InvalidOperationException("open", e)));
    }

    public void Kill()
    {
        SimHost.Kill();
        Host = null;
    }

    public void CutPower()
    {
        SimHost.CutPower();
        Host = null;
    }

    public string? Check(in Hello peer, out Hello own, out ITransport target)
    {
        own = Host!.OwnHello();
        target = _seat!.Transport;
        return null;
    }

    public IConnectionHandler? OnAccepted(IConnection connection) => Host!.OnPeerConnection(connection);

    private async ReactorTask OpenAsync(SimSeat seat, bool format)
    {
        Reactor reactor = seat.Reactor;
        IBlockDevice device = _disk.Open(seat);
        if (format)
        {
            VolumeResult made = await DeviceVolume.FormatAsync(reactor, device, new VolumeFormatOptions
            {
                Cluster = _world.Cluster,
                Kind = NodeKind.Mon,
                NodeId = Id.Value,
                Device = Instance,
                SegmentBytes = _world.SegmentBytes,
            });
            Assert.Equal((VolumeStatus.Ok, ""), (made.Status, made.Text));
        }
        VolumeResult label = await DeviceVolume.OpenAsync(reactor, device, new VolumeExpectation());
        DevicePartition part = new(reactor, device, label.Label!.PartOffset(0), label.Label.PartBytes);
        ShardVolumeResult shard = await ShardVolume.OpenAsync(reactor, part, label.Label, 0);
        KvStore kv = new();
        RaftReplay replay = new();
        LogOpenResult opened = await DiskLog.OpenAsync(reactor, shard.Volume!, _world.LogOptions, replay, kv);
        Assert.Equal((Errno.None, ""), (opened.Status, opened.Text));
        Log = opened.Log!;
        Host = new RaftHost(reactor, seat.Transport, Log, kv, replay, _world.Options(this), reactor.Prng.Fork());
        Assert.Equal(Errno.None, await Host.SettleDamageAsync());
        seat.Transport.Acceptor = this;
        Assert.Equal(Errno.None, seat.Transport.Listen(Address, this, out _));
        foreach (ReplicaNode other in _world.Nodes) { Host.SetPeerAddress(other.Id, other.Address, other.Instance); }
        IsOpening = true;
        if (Host.Stored.Count > 0) { OpenGroups(); } else if (Id.Value < _world.Founders) { CreateGroups(); }
        IsOpening = false;
        Log.StartCleaner(Host, null);
        Host.Start();
    }

    private void CreateGroups()
    {
        for (uint i = 0; i < _world.GroupCount; i++)
        {
            RecordingMachine machine = new(this);
            Waiter waiter = new();
            waiter.Committed += _ => Created++;
            Assert.Equal(Errno.None, Host!.CreateGroup(new PgId(new PoolId(1), i), _world.Config(i), machine, waiter, out RaftGroup? group));
            Machines.Add(machine);
            Groups.Add(group!);
        }
    }

    private void OpenGroups()
    {
        foreach (StoredGroup stored in Host!.Stored)
        {
            RecordingMachine machine = new(this);
            // As a role would: its own durable state, as of the log's base (what the log released was "persisted").
            SortedDictionary<ulong, ulong> saved = _world.SavedState(this, stored.Id);
            Assert.True(Log!.TryGetGroup(stored.Id, out LogGroupInfo info));
            machine.Install(saved, info.BaseIndex);
            StoredGroup chosen = stored with { Config = stored.Config with { Preferred = _world.Preferred } };
            Assert.Equal(Errno.None, Host.OpenGroup(chosen, machine, default, out RaftGroup? group));
            Machines.Add(machine);
            Groups.Add(group!);
        }
    }

    /// <summary>Makes a replica of the first group that joins it.</summary>
    public Errno Join(Term reportTerm, LogIndex reportIndex, RaftMembers reported)
    {
        RecordingMachine machine = new(this);
        Waiter waiter = new();
        waiter.Committed += _ => Created++;
        Errno status = Host!.CreateJoining(new PgId(new PoolId(1), 0), 5, NodeId.None, reportTerm, reportIndex, reported, machine, waiter, out RaftGroup? group);
        if (status != Errno.None) { return status; }
        Machines.Add(machine);
        Groups.Add(group!);
        return Errno.None;
    }

    /// <summary>The role deletes its replica.</summary>
    public void Leave()
    {
        Assert.Equal(Errno.None, Host!.RemoveGroup(Group!.Id, null));
        Machines.Clear();
        Groups.Clear();
    }

    /// <summary>The role's hand-over, done by magic: the state jumps from memory to memory.</summary>
    public void HandOver(NodeId peer)
    {
        ReplicaNode to = _world.Nodes[(int)peer.Value];
        RaftGroup group = Group!;
        SortedDictionary<ulong, ulong> state = new(Machine.Applied);
        LogIndex index = group.Applied;
        if (!group.TryDescribeBase(index, out GroupBase? from) || !to.IsUp) { return; }
        RaftHost? host = Host;
        SimSeat seat = Seat;
        to.Seat.Do(() =>
        {
            if (to.Group is not { } target) { return; }
            Waiter marked = new();
            marked.Committed += _ =>
            {
                to.Machine.Install(state, index.Value);
                if (target.InstallBase(from) != Errno.None) { return; }
                seat.Do(() => { if (Host == host) { group.OnHandOverEnded(peer, success: true, index); } });
            };
            _ = target.BeginRecovery(marked);
        });
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Sim.Disk;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Groups;

/// <summary>One node of the replication scenario: the production volume, log, key-value store and RaftHost over a simulated disk
/// and network, with <see cref="GroupMachine"/>s on top.</summary>
internal sealed partial class GroupNode : ISimNode, IHelloGate, IConnectionAcceptor
{
    private const long DiskBytes = 4 * Units.MiB;
    private const ushort Port = 7000;
    private const long LogOffset = 128 * Units.KiB; // behind labels and superblocks
    private const long LogBytes = 2 * Units.MiB;

    private readonly SimDisk _disk;
    private readonly Guid _instance;
    private readonly Dictionary<PgId, ulong> _knownApplied = [];
    private readonly HashSet<PgId> _lost = [];
    private SimSeat? _seat;
    private bool _formatted;

    public GroupNode(GroupsScenario scenario, uint id)
    {
        Scenario = scenario;
        Id = id;
        Prng prng = scenario.World.Prng;
        Host = scenario.World.AddHost($"node{id}", prng.Between(-scenario.Draw.DriftPpm, scenario.Draw.DriftPpm));
        _disk = Host.AddDisk(DiskBytes);
        _instance = GroupsScenario.NewGuid(prng);
    }

    public GroupsScenario Scenario { get; }
    public uint Id { get; }
    public SimHost Host { get; }
    public NetAddress Address => new(Host.Address, Port);
    public GroupMember Member => new(new NodeId(Id), _instance);

    /// <summary>The open groups; empty until the node has started.</summary>
    public Dictionary<PgId, GroupMachine> Machines { get; } = [];
    public RaftHost? Raft { get; private set; }
    public SimSeat? Seat => Host.IsRunning ? _seat : null;

    /// <summary>A block of its log has rotted.</summary>
    public bool HasRotted { get; private set; }

    /// <summary>The rot took the record of the group's existence: this replica stays out.</summary>
    public bool HasLost(PgId id) => _lost.Contains(id);

    public void Start()
    {
        foreach ((PgId id, GroupMachine machine) in Machines) { _knownApplied[id] = Math.Max(_knownApplied.GetValueOrDefault(id), machine.Applied.Value); }
        if (Scenario.MayRot && Scenario.World.Prng.Below(3) == 0
            && _disk.TryRotOld(LogOffset, LogBytes, Scenario.World.Now - Units.NanosPerSecond))
        {
            Scenario.MayRot = false;
            HasRotted = true;
        }
        SimProcess process = Host.Start();
        _seat = process.Seats[0];
        Machines.Clear();
        Raft = null;
        _views.Clear(); // who starts asks for the newest map
        SimSeat seat = _seat;
        seat.Do(() => StartAsync(seat).Forget());
    }

    public string? Check(in Hello peer, out Hello own, out ITransport target)
    {
        own = new Hello { Role = PeerRole.Osd, NodeId = Id, Cluster = GroupsScenario.Cluster, Instance = _instance };
        target = _seat!.Transport;
        return null;
    }

    public IConnectionHandler? OnAccepted(IConnection connection) => Raft?.OnPeerConnection(connection);

    private async ReactorTask StartAsync(SimSeat seat)
    {
        SimDiskPort port = _disk.Open(seat);
        if (!_formatted)
        {
            VolumeResult made = await DeviceVolume.FormatAsync(seat.Reactor, port, new VolumeFormatOptions
            {
                Cluster = GroupsScenario.Cluster,
                Kind = NodeKind.Osd,
                NodeId = Id,
                Device = _instance,
                LogBytes = LogBytes,
                SegmentBytes = (int)(128 * Units.KiB),
                Force = true,
            });
            Require(made.Status == VolumeStatus.Ok, made.Text);
        }
        VolumeResult opened = await DeviceVolume.OpenAsync(seat.Reactor, port, new VolumeExpectation { Cluster = GroupsScenario.Cluster });
        Require(opened.Status == VolumeStatus.Ok, opened.Text);
        VolumeLabel label = opened.Label!;
        SimDiskPort part = _disk.Open(seat, label.PartOffset(0), label.PartBytes);
        ShardVolumeResult shard = await ShardVolume.OpenAsync(seat.Reactor, part, label, 0);
        Require(shard.Status == VolumeStatus.Ok, shard.Text);
        var kv = new KvStore();
        var replay = new RaftReplay();
        LogOpenResult log = await DiskLog.OpenAsync(seat.Reactor, shard.Volume!, new DiskLogOptions { CacheBytes = Scenario.Draw.CacheBytes }, replay, kv);
        Require(log.Status == Errno.None, log.Text);
        Require(HasRotted || replay.Corruptions.Count == 0, $"its log says it is corrupt: {string.Join(", ", replay.Corruptions)}");
        var raft = new RaftHost(seat.Reactor, seat.Transport, log.Log!, kv, replay, Scenario.Options(this), seat.Reactor.Prng.Fork());
        Require(await raft.SettleDamageAsync() == Errno.None, "SettleDamage");
        OpenGroups(seat, raft, log.Log!, kv);
    }

    private void OpenGroups(SimSeat seat, RaftHost raft, DiskLog log, KvStore kv)
    {
        foreach (GroupNode peer in Scenario.Nodes)
        {
            if (peer != this) { raft.SetPeerAddress(new NodeId(peer.Id), peer.Address, peer._instance); }
        }
        foreach (StoredGroup stored in raft.Stored)
        {
            var machine = new GroupMachine(this, stored.Id, kv);
            Require(raft.OpenGroup(stored, machine, machine.Saved, out RaftGroup? group) == Errno.None, "OpenGroup");
            machine.Group = group;
            Machines.Add(stored.Id, machine);
            CheckMemory(seat, stored.Id, machine);
        }
        Raft = raft;
        _kv = kv;
        seat.Transport.Acceptor = this;
        Require(seat.Transport.Listen(Address, this, out _) == Errno.None, "Listen");
        raft.Start();
        foreach (PgId id in Scenario.GroupIds)
        {
            if (Machines.ContainsKey(id) || (Scenario.HasChanges && (Scenario.IsActive || Id > Scenario.Draw.Nodes))) { continue; }
            if (IsLost(id)) { continue; }
            // As the map would say "creating": until every node has had it once.
            Require(!_formatted || !Scenario.IsActive, $"node {Id} lost group {id}");
            var machine = new GroupMachine(this, id, kv);
            Require(raft.CreateGroup(id, Scenario.Config(id), machine, null, out RaftGroup? group) == Errno.None, "CreateGroup");
            machine.Group = group;
            Machines.Add(id, machine);
        }
        log.StartCleaner(raft, null);
        _formatted = true;
    }

    private bool IsLost(PgId id)
    {
        if (HasRotted && Scenario.IsActive) { _ = _lost.Add(id); }
        return _lost.Contains(id);
    }

    /// <summary>What this node had applied it had acknowledged before: after a restart it knows as much, or says that it does not.</summary>
    private void CheckMemory(SimSeat seat, PgId id, GroupMachine machine)
    {
        ulong known = _knownApplied.GetValueOrDefault(id);
        ulong last = machine.Group!.LastIndex.Value;
        bool recovering = machine.Group.IsRecovering;
        if (last >= known || recovering) { return; }
        Scenario.World.Schedule(200 * Units.NanosPerMilli, () =>
        {
            if (Seat == seat && !machine.IsCorrupted) { throw new SimFailure($"node {Id} had applied {known} of group {id} and knows only {last} after a restart"); }
        });
    }

    private void Require(bool condition, string message)
    {
        if (!condition) { throw new SimFailure($"node {Id}: {message}"); }
    }
}

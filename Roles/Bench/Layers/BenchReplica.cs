using System;
using System.Net;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Config;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Device;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>One member of the groups of <see cref="RaftBench"/>: a host with its log on a memory device and its peers over TCP,
/// and groups whose state is nothing.</summary>
internal sealed class BenchReplica(BenchNode node, uint id) : IHelloGate, IConnectionAcceptor, IDisposable
{
    /// <summary>Its log is an eighth of it: a ring that is written round and round.</summary>
    private const long DeviceBytes = 256 * Units.MiB;

    /// <summary>Long, so that a starved thread does not lose the leadership.</summary>
    private const long ElectionTimeoutNanos = 2 * Units.NanosPerSecond;

    private MemoryDevice? _device;
    private BenchVolume? _volume;
    private RaftHost? _host;

    public NodeId Id { get; } = new(id);

    /// <summary>The device's uuid.</summary>
    public Guid Instance { get; } = Guid.NewGuid();

    public RaftGroup[] Groups { get; private set; } = [];

    /// <summary>Opens volume and log and listens.</summary>
    public async ReactorTask<NetAddress> OpenAsync(Guid cluster)
    {
        _device = new MemoryDevice(node.Reactor, DeviceBytes);
        await DeviceBench.FillAsync(node.Reactor, _device, id); // so that the run does not measure page faults
        RaftReplay replay = new();
        _volume = await BenchVolume.MakeAsync(node.Reactor, _device, id, Instance, replay);
        _host = new RaftHost(node.Reactor, node.Transport, _volume.Log, _volume.Kv, replay, new RaftHostOptions
        {
            Self = Id,
            Instance = Instance,
            Role = PeerRole.Osd,
            Cluster = cluster,
            ElectionTimeoutNanos = ElectionTimeoutNanos,
        }, node.Reactor.Prng.Fork());
        node.Transport.Acceptor = this;
        Errno status = node.Transport.Listen(new NetAddress(IPAddress.Loopback, 0), this, out NetAddress bound);
        return status is Errno.None ? bound : throw OperatorException.FromErrno(status, "bench raft: no port on loopback");
    }

    /// <summary>Makes the groups and starts.</summary>
    /// <param name="preferred">Who is to lead all of them.</param>
    public async ReactorTask<bool> StartAsync(BenchReplica[] members, NetAddress[] addresses, int groups, NodeId preferred)
    {
        GroupMember[] voters = new GroupMember[members.Length];
        for (int i = 0; i < voters.Length; i++)
        {
            voters[i] = new GroupMember(members[i].Id, members[i].Instance);
            if (members[i] != this) { _host!.SetPeerAddress(members[i].Id, addresses[i], members[i].Instance); }
        }
        Groups = new RaftGroup[groups];
        for (uint g = 0; g < groups; g++)
        {
            GroupConfig config = new() { Incarnation = 1, Voters = voters, Preferred = preferred };
            Machine machine = new();
            Errno status = _host!.CreateGroup(new PgId(new PoolId(1), g), config, machine, null, out RaftGroup? group);
            Groups[g] = machine.Group = group ?? throw OperatorException.FromErrno(status, "bench raft: a group cannot be made");
        }
        _volume!.Log.StartCleaner(_host!, null);
        _host!.Start();
        await ReactorTask.Completed;
        return true;
    }

    public async ReactorTask<bool> StopAsync()
    {
        _host?.Stop();
        if (_volume is not null) { _ = await _volume.Log.CloseAsync(); }
        return true;
    }

    /// <summary>After its reactor has ended.</summary>
    public void Dispose()
    {
        _volume?.Kv.Dispose();
        _device?.Dispose();
    }

    string? IHelloGate.Check(in Hello peer, out Hello own, out ITransport target)
    {
        own = _host!.OwnHello();
        target = node.Transport;
        return null;
    }

    IConnectionHandler? IConnectionAcceptor.OnAccepted(IConnection connection) => _host!.OnPeerConnection(connection);

    /// <summary>Keeps nothing, so that the log may always let entries go.</summary>
    private sealed class Machine : IStateMachine
    {
        public RaftGroup? Group { get; set; }

        public Errno Reserve(in EntryView entry) => Errno.None;

        public void OnDropped(in EntryView entry) { }

        public void Apply(in AppliedEntry entry) { }

        public void OnLeadership(bool leader, Term term) { }

        public void OnLeaderReady(Term term) { }

        public void OnNeedsHandOver(NodeId peer, LogIndex peerLast) { }

        public void OnReleaseWanted(LogIndex upTo) => Group?.ReleaseLog(upTo);

        public void OnCorrupted() { }

        public void OnIteration() { }
    }
}

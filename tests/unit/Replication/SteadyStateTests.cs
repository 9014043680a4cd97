using System;
using System.Collections.Generic;
using System.Net;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Device;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Volume;
using Fastblock.Tests.Unit.Native;
using Xunit;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>Goal: a replicated write costs no managed memory on any replica. Method: three hosts in one thread over memory
/// devices and a transport that allocates nothing; the thread's allocations are counted over many proposals.</summary>
public sealed class SteadyStateTests : IDisposable
{
    private sealed class Counter : IStateMachine, IProposalWaiter
    {
        public RaftGroup? Group { get; set; }
        public int Applied { get; private set; }
        public int Committed { get; private set; }

        public Errno Reserve(in EntryView entry) => Errno.None;
        public void OnDropped(in EntryView entry) { }
        public void Apply(in AppliedEntry entry) => Applied++;
        public void OnLeadership(bool leader, Term term) { }
        public void OnLeaderReady(Term term) { }
        public void OnNeedsHandOver(NodeId peer, LogIndex peerLast) { }
        public void OnReleaseWanted(LogIndex upTo) => Group!.ReleaseLog(upTo);
        public void OnCorrupted() { }
        public void OnIteration() { }
        public void OnCommitted(LogIndex index) => Committed++;
        public void OnDropped(LogIndex index) { }
    }

    private sealed class Node(SteadyStateTests test, uint id) : IHelloGate, IConnectionAcceptor
    {
        public readonly BufferPool Buffers = new([(4096, 512), (64 * 1024, 64), (512 * 1024, 16)]);
        public readonly Guid Instance = new((int)id + 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
        public readonly NetAddress Address = new(IPAddress.Loopback, (ushort)(id + 1));
        public readonly Counter Machine = new();
        public Reactor Reactor = null!;
        public MemoryDevice Device = null!;
        public DiskLog Log = null!;
        public RaftHost Host = null!;
        public RaftGroup? Group;

        public async ReactorTask OpenAsync()
        {
            Reactor = new Reactor((int)id, test._clock, new Prng(id + 1), new NullEventSource(), Buffers);
            Device = new MemoryDevice(Reactor, 64 * Units.MiB);
            _ = await DeviceVolume.FormatAsync(Reactor, Device, new VolumeFormatOptions
            {
                Cluster = Guid.Empty,
                Kind = NodeKind.Mon,
                NodeId = id,
                Device = Instance,
            });
            VolumeResult label = await DeviceVolume.OpenAsync(Reactor, Device, new VolumeExpectation());
            DevicePartition part = new(Reactor, Device, label.Label!.PartOffset(0), label.Label.PartBytes);
            ShardVolumeResult shard = await ShardVolume.OpenAsync(Reactor, part, label.Label, 0);
            KvStore kv = new();
            RaftReplay replay = new();
            LogOpenResult opened = await DiskLog.OpenAsync(Reactor, shard.Volume!, new DiskLogOptions(), replay, kv);
            Log = opened.Log!;
            LoopTransport transport = new(Reactor, test._listeners) { Acceptor = this };
            Host = new RaftHost(Reactor, transport, opened.Log!, kv, replay,
                new RaftHostOptions { Self = new NodeId(id), Instance = Instance, Role = PeerRole.Osd, Cluster = Guid.Empty }, new Prng(id + 9));
            Log.StartCleaner(Host, mover: null);
            _ = transport.Listen(Address, this, out _);
        }

        public string? Check(in Hello peer, out Hello own, out ITransport target)
        {
            own = Host.OwnHello();
            target = null!;
            return null;
        }

        public IConnectionHandler? OnAccepted(IConnection connection) => Host.OnPeerConnection(connection);
    }

    private readonly ManualClock _clock = new();
    private readonly Dictionary<NetAddress, (IHelloGate Gate, LoopTransport Transport)> _listeners = [];
    private readonly List<Node> _nodes = [];

    public void Dispose()
    {
        foreach (Node node in _nodes)
        {
            node.Device.Dispose();
            node.Buffers.Dispose();
        }
    }

    [Fact]
    public void A_replicated_write_allocates_nothing_on_any_replica()
    {
        Node leader = Start();
        PooledBuffer payload = leader.Buffers.TryRent(4096)!;
        uint[] crcs = [Crc32C.Compute(payload.Span(0, 4096))];
        byte[] header = new byte[64];
        Propose(leader, 30_000, header, payload, crcs);
        long idle = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1250; i++) { Turn(); }
        idle = GC.GetAllocatedBytesForCurrentThread() - idle;
        Assert.Equal(0, idle);
        // The log has come round, so the cleaner is at work in every window.
        long freed = leader.Log.Statistics.SegmentsFreed;
        Assert.Equal(0, Allocations.LeastOf(() => Propose(leader, 5_000, header, payload, crcs)));
        Assert.True(leader.Log.Statistics.SegmentsFreed > freed + 2);
        payload.Release();
    }

    private Node Start()
    {
        for (uint i = 0; i < 3; i++)
        {
            Node node = new(this, i);
            _nodes.Add(node);
            ReactorTask open = node.OpenAsync();
            for (int n = 0; n < 100_000 && !open.IsCompleted; n++) { _ = node.Reactor.RunOnce(); }
            Assert.True(open.IsCompleted);
            open.Forget();
        }
        GroupMember[] voters = new GroupMember[3];
        for (uint i = 0; i < 3; i++) { voters[i] = new GroupMember(new NodeId(i), _nodes[(int)i].Instance); }
        foreach (Node node in _nodes)
        {
            foreach (Node other in _nodes) { node.Host.SetPeerAddress(node.Host.Options.Self == other.Host.Options.Self ? new NodeId(9) : other.Host.Options.Self, other.Address, other.Instance); }
            Assert.Equal(Errno.None, node.Host.CreateGroup(new PgId(1), new GroupConfig { Incarnation = 1, Voters = voters }, node.Machine, null, out node.Group));
            node.Machine.Group = node.Group;
            node.Host.Start();
        }
        for (int i = 0; i < 100_000; i++)
        {
            Turn();
            foreach (Node node in _nodes)
            {
                if (node.Group!.IsReady) { return node; }
            }
        }
        throw new InvalidOperationException("no leader");
    }

    private void Turn()
    {
        _clock.NowNanos += 20_000;
        foreach (Node node in _nodes) { _ = node.Reactor.RunOnce(); }
    }

    private void Propose(Node leader, int count, byte[] header, PooledBuffer payload, uint[] crcs)
    {
        int end = leader.Machine.Committed + count;
        int proposed = 0;
        for (int turns = 0; leader.Machine.Committed < end; turns++)
        {
            Assert.True(turns < 1_000_000, "stuck");
            for (int n = 0; n < 8 && proposed < count; n++)
            {
                if (leader.Group!.TryPropose(header, payload, 4096, crcs, leader.Machine, out _) != Errno.None) { break; }
                proposed++;
            }
            Turn();
        }
        foreach (Node node in _nodes)
        {
            for (int i = 0; i < 100_000 && node.Group!.LastIndex != node.Group.Applied; i++) { Turn(); }
        }
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Config;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Bench.Layers;

/// <summary>Replicated entries without disks and clients: three hosts on three threads, TCP on loopback between them, logs on
/// memory devices. All groups are led by the first host, on whose thread the entries are proposed; an operation ends when its
/// entry is committed and applied there.</summary>
internal sealed class RaftBench : ClosedLoop
{
    private const int Members = 3;
    private const int Groups = 16;
    private const int HeaderBytes = 64;
    private const long LeaderNanosMax = 30 * Units.NanosPerSecond;

    private readonly LayerOptions _options;
    private readonly RaftGroup[] _groups;
    private readonly Slot[] _slots;
    private readonly long _giveUpAt;

    private RaftBench(Reactor reactor, RaftGroup[] groups, LayerOptions options) : base(reactor, options.QueueDepth)
    {
        _options = options;
        _groups = groups;
        _giveUpAt = reactor.Clock.NowNanos + (2 * options.DurationNanos) + LeaderNanosMax;
        _slots = new Slot[options.QueueDepth];
        for (int i = 0; i < _slots.Length; i++) { _slots[i] = new Slot(this, i); }
    }

    public static BenchResult Run(LayerOptions options)
    {
        BenchNode[] nodes = new BenchNode[Members];
        BenchReplica[] replicas = new BenchReplica[Members];
        NetAddress[] addresses = new NetAddress[Members];
        try
        {
            Guid cluster = Guid.NewGuid();
            for (int i = 0; i < Members; i++)
            {
                nodes[i] = new BenchNode(i, options);
                BenchReplica replica = replicas[i] = new BenchReplica(nodes[i], (uint)i);
                addresses[i] = nodes[i].Call(() => replica.OpenAsync(cluster));
            }
            foreach ((BenchNode node, BenchReplica replica) in Pairs(nodes, replicas))
            {
                _ = node.Call(() => replica.StartAsync(replicas, addresses, Groups, replicas[0].Id));
            }
            BenchResult result = nodes[0].Call(() => MeasureAsync(nodes[0].Reactor, replicas[0].Groups, options));
            foreach ((BenchNode node, BenchReplica replica) in Pairs(nodes, replicas)) { _ = node.Call(replica.StopAsync); }
            return result;
        }
        finally
        {
            foreach (BenchNode? node in nodes) { node?.Dispose(); }
            foreach (BenchReplica? replica in replicas) { replica?.Dispose(); }
        }
    }

    protected override void Start(int slot) => _slots[slot].Run();

    private static (BenchNode Node, BenchReplica Replica)[] Pairs(BenchNode[] nodes, BenchReplica[] replicas)
    {
        var pairs = new (BenchNode, BenchReplica)[nodes.Length];
        for (int i = 0; i < pairs.Length; i++) { pairs[i] = (nodes[i], replicas[i]); }
        return pairs;
    }

    private static async ReactorTask<BenchResult> MeasureAsync(Reactor reactor, RaftGroup[] groups, LayerOptions options)
    {
        long deadline = reactor.NowNanos + LeaderNanosMax;
        while (!Array.TrueForAll(groups, static group => group.IsReady))
        {
            if (reactor.NowNanos > deadline) { throw new OperatorException(ExitCode.Timeout, "bench raft: the groups do not elect the first host"); }
            await reactor.Delay(10 * Units.NanosPerMilli);
        }
        RaftBench bench = new(reactor, groups, options);
        return await LayerRun.MeasureAsync($"raft {SizeText.FormatExact(options.BlockBytes)}", bench, options.BlockBytes, options);
    }

    private sealed class Slot : IProposalWaiter, IRunnable
    {
        private readonly RaftBench _bench;
        private readonly int _index;
        private readonly byte[] _header = new byte[HeaderBytes];
        private readonly PooledBuffer _payload;
        private readonly uint[] _crcs;
        private int _turn;

        public Slot(RaftBench bench, int index)
        {
            (_bench, _index, _turn) = (bench, index, index);
            int bytes = bench._options.BlockBytes;
            _payload = bench.Reactor.Buffers.TryRent(bytes)
                ?? throw new OperatorException(ExitCode.Usage, "--qd times --bs: more memory than the buffer pool has");
            new BlockContent(bytes, bench._options.Seed).Fill(_payload.Span(0, bytes), index, 1, 0);
            _crcs = new uint[bytes / Units.BlockBytes];
            for (int i = 0; i < _crcs.Length; i++) { _crcs[i] = Crc32C.Compute(_payload.Span(i * Units.BlockBytes, Units.BlockBytes)); }
        }

        /// <summary>Proposes; once more in the next iteration while a window is full or another host leads.</summary>
        public void Run()
        {
            RaftGroup group = _bench._groups[_turn % Groups];
            Errno status = group.TryPropose(_header, _payload, _bench._options.BlockBytes, _crcs, this, out _);
            if (status is Errno.None) { _turn++; }
            else if (_bench.Reactor.NowNanos > _bench._giveUpAt) { _bench.Done(_index, status); }
            else { _bench.Reactor.Enqueue(this); }
        }

        public void OnCommitted(LogIndex index) => _bench.Done(_index, Errno.None);

        /// <summary>The leadership was lost (a starved machine) and comes back: the operation takes as long as that.</summary>
        public void OnDropped(LogIndex index) => _bench.Reactor.Enqueue(this);
    }
}

using System;
using System.Collections.Generic;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Xunit.Sdk;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>A few nodes, the letters between them and a clock, all moved by hand; and the checkers: one leader per term, what is
/// applied at an index is the same everywhere and for ever, hard states never go back, votes are cast once.</summary>
internal sealed class RaftNet
{
    public const long Milli = Units.NanosPerMilli;
    public const long ElectionTimeout = 100 * Milli;
    public const long Heartbeat = 20 * Milli;

    private readonly NodeId[] _voters;
    private readonly NodeId[] _learners;
    private readonly Dictionary<Term, NodeId> _leaders = [];
    private readonly Dictionary<LogIndex, RaftEntry> _applied = [];

    /// <param name="spares">Nodes that are no members at first.</param>
    public RaftNet(ulong seed, int voters, int learners = 0, uint preferred = uint.MaxValue, int spares = 0)
    {
        Prng = new Prng(seed);
        Preferred = new NodeId(preferred);
        _voters = new NodeId[voters];
        _learners = new NodeId[learners];
        for (uint i = 0; i < voters + learners + spares; i++)
        {
            if (i < voters) { _voters[i] = new NodeId(i); } else if (i < voters + learners) { _learners[i - voters] = new NodeId(i); }
            Peers.Add(new RaftPeer(this, i));
        }
    }

    /// <summary>With what the group was founded.</summary>
    public RaftMembers Founders => new(_voters, default, _learners);

    public Prng Prng { get; }
    public long Now { get; set; } = 1_000 * Milli;
    public NodeId Preferred { get; }
    public List<RaftPeer> Peers { get; } = [];
    public List<RaftLetter> Letters { get; } = [];
    public bool Lease { get; init; } = true;
    public int WindowEntries { get; init; } = 64;

    /// <summary>What happened, for traces; null = not kept.</summary>
    public StringBuilder? Trace { get; set; }

    /// <summary>Commit evidence: highest index applied anywhere.</summary>
    public ulong HighestApplied { get; private set; }

    /// <summary>Which letters get lost: (from, to).</summary>
    public Func<NodeId, NodeId, bool> IsCut { get; set; } = (_, _) => false;

    public RaftPeer this[int id] => Peers[id];

    public RaftConfig Config(NodeId self) => new()
    {
        Self = self,
        Members = Founders.IsMember(self) ? Founders : RaftMembers.Unknown,
        ElectionTimeoutNanos = ElectionTimeout,
        HeartbeatNanos = Heartbeat,
        DriftNanos = 10 * Milli,
        Lease = Lease,
        WindowEntries = WindowEntries,
    };

    public void StartAll()
    {
        foreach (RaftPeer peer in Peers) { peer.Start(); }
    }

    public void Send(RaftMessage message, RaftEntry[] entries)
    {
        if (IsCut(message.From, message.To)) { return; }
        Trace?.AppendLine($"    {message}");
        Letters.Add(new RaftLetter(message, entries));
    }

    public void Deliver(int at)
    {
        RaftLetter letter = Letters[at];
        Letters.RemoveAt(at);
        if (IsCut(letter.Message.From, letter.Message.To)) { return; }
        Peers[(int)letter.Message.To.Value].Receive(letter);
    }

    /// <summary>Syncs, flushes and delivers until nothing moves.</summary>
    public void Settle()
    {
        for (int round = 0; round < 3000; round++)
        {
            foreach (RaftPeer peer in Peers)
            {
                if (!peer.IsUp) { continue; }
                peer.Sync();
                peer.Flush();
            }
            if (Letters.Count == 0) { return; }
            while (Letters.Count > 0) { Deliver(0); }
        }
        Check(false, "never comes to rest");
    }

    /// <summary>Lets time pass in steps of a millisecond, with everything delivered at once.</summary>
    public void Run(long millis)
    {
        for (long i = 0; i < millis; i++)
        {
            Now += Milli;
            foreach (RaftPeer peer in Peers) { peer.Tick(); }
            Settle();
        }
    }

    public RaftPeer? Leader()
    {
        RaftPeer? leader = null;
        foreach (RaftPeer peer in Peers)
        {
            if (peer.IsUp && peer.Node.IsLeader && (leader == null || peer.Node.Term > leader.Node.Term)) { leader = peer; }
        }
        return leader;
    }

    public RaftPeer Elect()
    {
        for (int i = 0; i < 2000; i++)
        {
            if (Leader() is { } leader && leader.Node.IsReady) { return leader; }
            Run(1);
        }
        throw new XunitException($"no leader{State()}");
    }

    /// <summary>All nodes, for messages of failed tests.</summary>
    public string State()
    {
        StringBuilder text = new();
        foreach (RaftPeer peer in Peers)
        {
            RaftNode node = peer.Node;
            _ = text.AppendLine().Append($"  {peer.Id} {(peer.IsUp ? "" : "down ")}{node.Role} t{node.Term} vote {node.Vote} leader {node.Leader} commit {node.Commit} durable {node.Durable} last {node.Log.LastIndex}@{node.Log.LastTerm} members {node.Members} since {node.MembersIndex}");
        }
        return text.ToString();
    }

    /// <summary>Makes a chosen node campaign now, as if its deadline had come, when that is allowed.</summary>
    public RaftPeer Elect(int id)
    {
        for (int i = 0; i < 40; i++)
        {
            RaftPeer leader = Elect();
            if (leader.Id.Value == id) { return leader; }
            _ = leader.Transfer(new NodeId((uint)id));
            Settle();
            Run(5);
        }
        throw new XunitException($"node {id} does not become leader");
    }

    public void OnApplied(RaftPeer peer, LogIndex index, RaftEntry entry)
    {
        Check(!_applied.TryGetValue(index, out RaftEntry other) || other == entry, $"index {index} is {entry} on {peer.Id}, was {other}");
        _applied[index] = entry;
        HighestApplied = Math.Max(HighestApplied, index.Value);
    }

    public void OnLeader(RaftPeer peer)
    {
        Check(!_leaders.TryGetValue(peer.Node.Term, out NodeId other) || other == peer.Id, $"two leaders of term {peer.Node.Term}");
        _leaders[peer.Node.Term] = peer.Id;
        // Votes may reach a candidate when the group is in a newer term already: it leads, and can commit nothing.
        foreach (Term term in _leaders.Keys)
        {
            if (term > peer.Node.Term) { return; }
        }
        // Leader completeness (Raft §5.4): whatever was committed in older terms is in its log.
        foreach ((LogIndex index, RaftEntry entry) in _applied)
        {
            Check((int)index.Value <= peer.Log.Count && peer.Log[(int)index.Value - 1] == entry, $"new leader {peer.Id} lacks {index}{State()}");
        }
    }

    /// <summary>Of all nodes that believe to hold a lease now, only one may be right to.</summary>
    public void CheckLeases()
    {
        int holders = 0;
        Term newest = default;
        foreach (RaftPeer peer in Peers)
        {
            if (!peer.IsUp) { continue; }
            if (peer.Node.IsReady && peer.Node.Term > newest) { newest = peer.Node.Term; }
        }
        foreach (RaftPeer peer in Peers)
        {
            if (!peer.IsUp || !peer.Node.HoldsLease(peer.Now)) { continue; }
            holders++;
            Check(peer.Node.Term >= newest, $"{peer.Id} holds a lease in term {peer.Node.Term} while {newest} has a leader");
        }
        Check(holders <= 1, "two leases at once");
    }

    /// <summary>Raft §5.3: entries with the same index and term are the same, and so is everything before them.</summary>
    public void CheckLogs()
    {
        for (int a = 0; a < Peers.Count; a++)
        {
            for (int b = a + 1; b < Peers.Count; b++)
            {
                List<RaftEntry> x = Peers[a].Log, y = Peers[b].Log;
                int same = Math.Min(x.Count, y.Count);
                while (same > 0 && x[same - 1].Term != y[same - 1].Term) { same--; }
                for (int i = 0; i < same; i++) { Check(x[i] == y[i], $"logs of {a} and {b} differ at {i + 1}"); }
            }
        }
    }

    public void Check(bool condition, string what)
    {
        if (!condition) { throw new XunitException(what); }
    }
}

using System;
using System.Buffers.Binary;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Tests.Sim.Harness;

namespace Fastblock.Tests.Sim.Groups;

/// <summary>The simplest state machine that can go wrong: a running hash over every command in order. Durable in the key-value
/// store only when the log wants its room back; until then a restart replays.</summary>
internal sealed class GroupMachine : IStateMachine, ILogListener
{
    private readonly GroupNode _node;
    private readonly PgId _id;
    private readonly KvStore _kv;
    private readonly KvBatch _batch = new();
    private readonly byte[] _key;
    private ulong _savingIndex;
    private ulong _savingSequence;

    /// <param name="fresh">Whatever the store holds is of a replica that was deleted.</param>
    public GroupMachine(GroupNode node, PgId id, KvStore kv, bool fresh = false)
    {
        _node = node;
        _id = id;
        _kv = kv;
        _key = System.Text.Encoding.ASCII.GetBytes($"sim/{id.Value}");
        if (!fresh && kv.TryGet(_key, out ReadOnlySpan<byte> value))
        {
            Saved = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(value));
            Hash = BinaryPrimitives.ReadUInt64LittleEndian(value[8..]);
            Applied = Saved;
        }
    }

    public RaftGroup? Group { get; set; }

    /// <summary>The replica was deleted.</summary>
    public bool IsRemoved { get; private set; }

    /// <summary>Index of the reported configuration with which the replica was made to join.</summary>
    public LogIndex MadeWith { get; init; }

    /// <summary>Deletes the stored state.</summary>
    public bool Forget()
    {
        IsRemoved = Group != null;
        _batch.Clear();
        Invariant.Require(_batch.TryDelete(_key));
        return _kv.Commit(_batch, this, out _) == Errno.None;
    }
    public KvStore Kv => _kv;
    public byte[] Key => _key;

    /// <summary>The hand-over that this replica is receiving.</summary>
    public GroupHandOver? Incoming { get; set; }
    public ulong Hash { get; private set; }

    /// <summary>Index of the last command that was applied.</summary>
    public LogIndex Applied { get; private set; }

    /// <summary>What the key-value store holds.</summary>
    public LogIndex Saved { get; private set; }

    /// <summary>Entries with room taken and not yet applied or dropped.</summary>
    public int Reserved { get; private set; }

    public static ulong HashOf(ReadOnlySpan<byte> header)
    {
        unchecked
        {
            ulong hash = 1469598103934665603;
            foreach (byte b in header) { hash = (hash ^ b) * 1099511628211; }
            return hash;
        }
    }

    public Errno Reserve(in EntryView entry)
    {
        Reserved++;
        return Errno.None;
    }

    public void OnDropped(in EntryView entry) => Reserved--;

    public void Apply(in AppliedEntry entry)
    {
        Reserved--;
        ulong hash = HashOf(entry.Header);
        Invariant.Require(entry.Index.Value > Applied.Value);
        Applied = entry.Index;
        unchecked { Hash = (Hash * 31) + hash; }
        if (entry.Payload != null) { GroupCommand.CheckPayload(entry.Header, entry.Payload, entry.PayloadBytes); }
        _node.Scenario.Applied.OnApplied(_id.Value, _node.Id, entry.Index.Value, entry.Term.Value, hash);
        if (entry.Waiter is GroupWaiter waiter) { waiter.OnApplying(hash); }
    }

    public void OnLeadership(bool leader, Term term)
    {
        if (!leader) { return; }
        _node.Scenario.Leaders.OnLeader(_id.Value, term.Value, _node.Id);
        _node.Scenario.Leaders.OnTerm(_id.Value, _node.Id, term.Value);
    }

    public void OnLeaderReady(Term term) { }

    public void OnNeedsHandOver(NodeId peer, LogIndex peerLast) => _node.Scenario.OnHandOverWanted(_id, _node, this, peer);

    /// <summary>A hand-over has put a state here.</summary>
    public void OnInstalled(LogIndex index, ulong hash)
    {
        Applied = index;
        Saved = index;
        Hash = hash;
        _savingSequence = 0;
    }

    public void OnReleaseWanted(LogIndex upTo)
    {
        if (_savingSequence != 0 || Applied.Value < upTo.Value || IsRemoved) { return; }
        byte[] value = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(value, Applied.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(8), Hash);
        _batch.Clear();
        Invariant.Require(_batch.TryPut(_key, value));
        if (_kv.Commit(_batch, this, out ulong sequence) != Errno.None) { return; }
        _savingIndex = Applied.Value;
        _savingSequence = sequence;
    }

    /// <summary>The group says that it has lost records.</summary>
    public bool IsCorrupted { get; private set; }

    public void OnCorrupted()
    {
        IsCorrupted = true;
        if (!_node.HasRotted) { throw new SimFailure($"node {_node.Id} says group {_id} is corrupt"); }
        Reached.Mark("sim: group corrupted by rot");
    }

    public void OnIteration() { }

    public void OnLogDurable(ulong sequence)
    {
        if (_savingSequence == 0 || sequence < _savingSequence || IsRemoved) { return; }
        _savingSequence = 0;
        Saved = new LogIndex(_savingIndex);
        Group?.ReleaseLog(Saved);
    }

    public void OnLogFailed(Errno status) { }
}

using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Raft;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>One member of a <see cref="RaftNet"/>: a node, its memory, and what of it a crash would leave. Writes become durable
/// in the order in which they were made, as in one log.</summary>
internal sealed class RaftPeer
{
    private readonly record struct Write(ulong HardVersion, Term Term, NodeId Vote, LogIndex Index, RaftEntry Entry);

    private readonly RaftNet _net;
    private readonly List<Write> _writes = [];
    private readonly List<RaftEntry> _durableLog = [];
    private readonly Effects _effects = new();
    private Term _durableTerm;
    private NodeId _durableVote = NodeId.None;
    private RaftStart? _joined;

    public RaftPeer(RaftNet net, uint id)
    {
        _net = net;
        Id = new NodeId(id);
    }

    public NodeId Id { get; }
    public RaftNode Node { get; private set; } = null!;
    public bool IsUp { get; private set; }

    /// <summary>Entries in memory; entry i has index i + 1.</summary>
    public List<RaftEntry> Log { get; } = [];

    /// <summary>How many have been applied since the start of time: a restart applies them again.</summary>
    public ulong Applied { get; private set; }

    /// <summary>Speed of its clock against the net's, in millionths.</summary>
    public long DriftPpm { get; set; }

    public long ClockOffset { get; set; }

    /// <summary>Stopped by the scheduler until then: it runs no step, and does not know it.</summary>
    public long PausedUntil { get; set; }

    public bool IsPaused => _net.Now < PausedUntil;

    /// <summary>Refuses appends.</summary>
    public bool IsFull { get; set; }

    public List<ReadOutcome> Reads { get; } = [];
    public List<NodeId> HandOvers { get; } = [];
    public int PendingWrites => _writes.Count;
    public int Violations { get; private set; }
    public Term DurableTerm => _durableTerm;
    public NodeId DurableVote => _durableVote;

    public long Now => _net.Now + (_net.Now / 1_000_000 * DriftPpm) + ClockOffset;

    public void Start()
    {
        Log.Clear();
        Log.AddRange(_durableLog);
        RaftLog log = new();
        RaftConfig config = _net.Config(Id);
        RaftStart made = _joined ?? new RaftStart();
        ConfigTrack configs = new(_joined == null ? config.Members : RaftMembers.Unknown);
        foreach (RaftEntry entry in Log)
        {
            LogIndex index = log.Append(entry.Term);
            if (entry.Members != null) { configs.Append(index, entry.Members); }
        }
        RaftStart start = made with { Term = _durableTerm, Vote = _durableVote, Log = log, Configs = configs, Preferred = _net.Preferred };
        Node = new RaftNode(config, start, _net.Prng.Fork(), Now);
        Applied = 0;
        IsUp = true;
    }

    /// <summary>Loses all writes that were not durable but the first <paramref name="kept"/>.</summary>
    public void Crash(int kept)
    {
        for (int i = 0; i < kept && i < _writes.Count; i++) { Keep(_writes[i]); }
        _writes.Clear();
        IsUp = false;
    }

    /// <summary>Makes the oldest <paramref name="count"/> writes durable.</summary>
    public void Sync(int count = int.MaxValue)
    {
        for (; count > 0 && _writes.Count > 0; count--)
        {
            Write write = _writes[0];
            _writes.RemoveAt(0);
            Keep(write);
            if (write.HardVersion != 0) { Do(e => Node.OnHardStateDurable(write.HardVersion, Now, e)); }
            else { Do(e => Node.OnLogDurable(write.Index, write.Entry.Term, Now, e)); }
        }
    }

    public void Tick()
    {
        if (IsUp && Now >= Node.DeadlineNanos) { Do(e => Node.OnTimer(Now, e)); }
    }

    public void Receive(RaftLetter letter)
    {
        if (!IsUp) { return; }
        Span<EntryMeta> metas = stackalloc EntryMeta[letter.Entries.Length];
        for (int i = 0; i < metas.Length; i++) { metas[i] = new EntryMeta(letter.Entries[i].Term, letter.Entries[i].Kind); }
        RaftMembers[] configs = letter.Entries.Where(e => e.Members != null).Select(e => e.Members!).ToArray();
        _effects.Clear();
        Node.Step(in letter.Message, metas, configs, Now, _effects);
        if (_effects.TruncateFrom != default) { Cut(_effects.TruncateFrom); }
        if (_effects.AppendFrom != default)
        {
            int first = (int)(_effects.AppendFrom - letter.Message.Index) - 1;
            for (int i = first; i < letter.Entries.Length; i++)
            {
                if (IsFull)
                {
                    Node.OnAppendRefused(letter.Message.Index + (ulong)i + 1, Now, _effects);
                    break;
                }
                Append(letter.Entries[i]);
            }
        }
        Finish();
    }

    public bool Propose(ulong value)
    {
        if (!IsUp || Node.CheckPropose() != Errno.None) { return false; }
        Append(new RaftEntry(Node.Term, EntryKind.Data, value));
        Do(e => Node.Propose(Now, e));
        return true;
    }

    /// <summary>Proposes the next step towards these members, if there is one now.</summary>
    public Errno Change(RaftMembers target)
    {
        if (!IsUp) { return Errno.Stale; }
        Errno status = Node.PlanChange(target, Now, out RaftMembers? next);
        if (next != null) { Propose(next); }
        return status;
    }

    /// <summary>Leaves a joint configuration when the node asks for it, as a host does; else only on <see cref="Leave"/>.</summary>
    public bool LeavesJoint { get; set; } = true;

    public bool Leave()
    {
        if (!Node.TryPlanLeave(out RaftMembers? next)) { return false; }
        Propose(next);
        return true;
    }

    /// <summary>Loses everything, and comes back as a replica that was made to join the group.</summary>
    /// <param name="reporter">A leader whose committed configuration does not name this one.</param>
    public void Wipe(RaftNode reporter)
    {
        Crash(0);
        _durableLog.Clear();
        _joined = RaftStart.ToJoin(reporter.Term, reporter.MembersIndex);
        (_durableTerm, _durableVote) = (_joined.Term, NodeId.None);
    }

    private void Propose(RaftMembers next)
    {
        Append(new RaftEntry(Node.Term, EntryKind.Config, 0, next));
        Do(e => Node.ProposeMembers(next, Now, e));
    }

    public bool ReadIndex(ulong context)
    {
        bool taken = false;
        Do(e => taken = Node.TryReadIndex(context, Now, e));
        return taken;
    }

    public Errno Transfer(NodeId to)
    {
        Errno status = default;
        Do(e => status = Node.TransferLeadership(to, Now, e));
        return status;
    }

    public void Do(Action<Effects> step)
    {
        _effects.Clear();
        step(_effects);
        Finish();
    }

    /// <summary>Sends what is due, as a host does at the end of its iteration.</summary>
    public void Flush()
    {
        if (!IsUp) { return; }
        if (Node.TryTakeAck(out RaftMessage ack)) { _net.Send(ack, []); }
        for (int i = 0; i < Node.Peers.Length; i++)
        {
            for (int n = 0; n < 8 && Node.TryPrepareAppend(i, Now, out RaftMessage message); n++)
            {
                RaftEntry[] entries = new RaftEntry[message.EntryCount];
                for (int k = 0; k < entries.Length; k++) { entries[k] = Log[(int)message.Index.Value + k]; }
                Node.OnAppendSent(i, in message, entries.Length * 100, Now);
                _net.Send(message, entries);
            }
        }
    }

    private void Finish()
    {
        if (_effects.HardStateChanged)
        {
            _writes.Add(new Write(_effects.HardStateVersion, _effects.HardTerm, _effects.HardVote, default, default));
        }
        if (_effects.NoOpIndex != default) { Append(new RaftEntry(Node.Term, EntryKind.NoOp, 0)); }
        foreach (RaftMessage message in Drain(_effects.Messages)) { _net.Send(message, []); }
        Reads.AddRange(Drain(_effects.Reads));
        HandOvers.AddRange(Drain(_effects.HandOvers));
        if (_effects.Violation) { Violations++; }
        while (Applied < Node.Applicable.Value)
        {
            Applied++;
            _net.OnApplied(this, new LogIndex(Applied), Log[(int)Applied - 1]);
        }
        if (_effects.LeadershipChanged && Node.IsLeader) { _net.OnLeader(this); }
        if (_effects.LeaveDue && LeavesJoint) { _ = Leave(); }
    }

    private void Append(RaftEntry entry)
    {
        Log.Add(entry);
        _writes.Add(new Write(0, default, default, new LogIndex((ulong)Log.Count), entry));
    }

    private void Cut(LogIndex from)
    {
        Log.RemoveRange((int)from.Value - 1, Log.Count - (int)from.Value + 1);
        // Their durability means nothing to the node any more. On the device they are cut by what replaces them.
        for (int i = 0; i < _writes.Count; i++)
        {
            if (_writes[i].HardVersion == 0 && _writes[i].Index >= from) { _writes.RemoveAt(i--); }
        }
    }

    private void Keep(Write write)
    {
        if (write.HardVersion != 0)
        {
            _net.Check(write.Term >= _durableTerm, "hard state goes back");
            _net.Check(write.Term > _durableTerm || _durableVote.IsNone || _durableVote == write.Vote, "two votes in one term");
            (_durableTerm, _durableVote) = (write.Term, write.Vote);
            return;
        }
        int at = (int)write.Index.Value - 1;
        if (at < _durableLog.Count) { _durableLog.RemoveRange(at, _durableLog.Count - at); }
        _net.Check(at == _durableLog.Count, "gap in the durable log");
        _durableLog.Add(write.Entry);
    }

    private static List<T> Drain<T>(RingQueue<T> queue)
    {
        List<T> all = [];
        while (queue.TryPopFront(out T? item)) { all.Add(item); }
        return all;
    }
}

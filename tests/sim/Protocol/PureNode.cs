using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Fastblock.Tests.Sim.Harness;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Protocol;

/// <summary>A replica of one group on a bare host: RaftNode over a disk that takes its time and a network that keeps no promise.
/// What is durable survives a crash, everything else does not.</summary>
internal sealed partial class PureNode
{
    private readonly record struct Entry(Term Term, EntryKind Kind, ulong Command, RaftMembers? Members = null);

    private readonly ProtocolScenario _scenario;
    private readonly SimClock _clock;
    private readonly Prng _prng;
    private readonly Effects _effects = new();

    // Durable.
    private Term _savedTerm;
    private NodeId _savedVote = NodeId.None;
    private PureState _savedState;
    private bool _savedNeedsState;
    private LogEnd _savedFloor;
    private readonly List<Entry> _savedLog = []; // entries behind _savedBase
    private LogIndex _savedBase;
    private Term _savedBaseTerm;

    // In memory.
    private RaftNode? _raft;
    private readonly List<Entry> _log = [];
    private LogIndex _base;
    private LogIndex _applied;
    private ulong _hash;
    private int _life;
    private int _logLife;
    private bool _receiving; // one hand-over at a time
    private long _pausedUntil;
    private ulong _nextContext = 1;
    private readonly Dictionary<ulong, ulong> _readFloors = [];
    private readonly Dictionary<ulong, ulong> _waiting = []; // index -> command
    private long _wokenFor = long.MaxValue;

    public PureNode(ProtocolScenario scenario, uint id, SimClock clock)
    {
        _scenario = scenario;
        Id = new NodeId(id);
        _clock = clock;
        _savedState = new PureState(default, default, 0, scenario.FoundersOf(Id), default);
        _prng = scenario.World.Prng.Fork();
    }

    public NodeId Id { get; }
    public RaftNode? Raft => _raft;
    public LogIndex Applied => _applied;
    public ulong Hash => _hash;
    public bool IsUp => _raft != null;

    private string Name => $"n{Id.Value}";

    public void Start()
    {
        _life++;
        _receiving = false;
        _log.Clear();
        _log.AddRange(_savedLog);
        _base = _savedBase;
        var log = new RaftLog(_savedBase, _savedBaseTerm);
        var configs = new ConfigTrack(_savedState.Members, _savedState.Since);
        foreach (Entry entry in _savedLog)
        {
            LogIndex index = log.Append(entry.Term);
            if (entry.Members != null) { configs.Append(index, entry.Members); }
        }
        _applied = _savedState.Index;
        _hash = _savedState.Hash;
        _raft = new RaftNode(_scenario.Config(Id), new RaftStart
        {
            Term = _savedTerm,
            Vote = _savedVote,
            Log = log,
            Configs = configs,
            Commit = LogIndex.Max(_savedBase, _applied),
            NeedsState = _savedNeedsState,
            VoteFloor = _savedFloor,
            Preferred = _scenario.Preferred,
        }, _prng.Fork(), _clock.NowNanos);
        _wokenFor = long.MaxValue;
        Finish();
    }

    public void Crash()
    {
        _raft = null;
        _life++;
        _waiting.Clear();
        _readFloors.Clear();
    }

    /// <summary>Stops for so long; what arrives meanwhile waits, and then comes in any order.</summary>
    public void Pause(long nanos) => _pausedUntil = _scenario.World.Now + nanos;

    /// <summary>True: it stands still, and <paramref name="later"/> runs when it goes on.</summary>
    private bool Waits(Action later)
    {
        if (_scenario.World.Now >= _pausedUntil) { return false; }
        int life = _life;
        _scenario.World.ScheduleAt(_pausedUntil + _prng.Between(0, 20_000), new ActionEvent(() =>
        {
            if (_life == life && _raft != null) { later(); }
        }));
        return true;
    }

    public void Receive(PureMessage message)
    {
        if (_raft == null || Waits(() => Receive(message))) { return; }
        _effects.Clear();
        if (message.State != null)
        {
            ReceiveState(message);
            return;
        }
        RaftMessage header = message.Header;
        _raft.Step(in header, message.Entries, message.Configs, _clock.NowNanos, _effects);
        if (_effects.Violation && header.Kind == MessageKind.AppendReply && header.Is(MessageFlags.Reject))
        {
            Reached.Mark("sim: answer to a leadership of the past");
        }
        else if (_effects.Violation) { throw new SimFailure($"{Name}: violation at {message.Header}"); }
        CarryOut(message);
    }

    public void Propose(ulong command)
    {
        if (_raft == null || Waits(() => Propose(command)) || _raft.CheckPropose() != Errno.None) { return; }
        _effects.Clear();
        Append(new Entry(_raft.Term, EntryKind.Data, command));
        LogIndex index = _raft.Propose(_clock.NowNanos, _effects);
        _waiting[index.Value] = command;
        CarryOut(null);
    }

    public void Read()
    {
        if (_raft is not { IsLeader: true } || Waits(Read)) { return; }
        ulong floor = _scenario.Acknowledged;
        if (_raft.HoldsLease(_clock.NowNanos))
        {
            CheckRead(floor, _raft.Commit);
            return;
        }
        _effects.Clear();
        ulong context = _nextContext++;
        _readFloors[context] = floor;
        if (!_raft.TryReadIndex(context, _clock.NowNanos, _effects)) { _ = _readFloors.Remove(context); }
        CarryOut(null);
    }

    public void Transfer(NodeId to)
    {
        if (_raft is not { IsLeader: true } || Waits(() => Transfer(to))) { return; }
        _effects.Clear();
        _ = _raft.TransferLeadership(to, _clock.NowNanos, _effects);
        CarryOut(null);
    }

    /// <summary>The host needs room: the applied state becomes durable, and entries up to some point of it go.</summary>
    public void Compact()
    {
        if (_raft == null || _applied <= _base || _savedNeedsState) { return; }
        LogIndex upTo = _base + (1 + _prng.Below(_applied - _base));
        LogIndex applied = _applied;
        ulong hash = _hash;
        _raft.Log.TryTerm(applied, out Term term);
        RaftMembers members = _raft.MembersAt(applied, out LogIndex since);
        AfterDisk(() =>
        {
            if (_savedState.Index < applied) { _savedState = new PureState(applied, term, hash, members, since); }
            if (upTo <= _base || upTo > _savedState.Index) { return; }
            _ = _raft!.Log.TryTerm(upTo, out Term baseTerm);
            _raft.OnLogReleased(upTo);
            _log.RemoveRange(0, (int)(upTo - _base));
            _base = upTo;
            if (upTo > _savedBase)
            {
                _savedLog.RemoveRange(0, (int)Math.Min(upTo - _savedBase, (ulong)_savedLog.Count));
                _savedBase = upTo;
                _savedBaseTerm = baseTerm;
            }
        });
    }

    private void CarryOut(PureMessage? message)
    {
        RaftNode raft = _raft!;
        if (_effects.TruncateFrom != default)
        {
            LogIndex from = _effects.TruncateFrom;
            _log.RemoveRange((int)(from - _base) - 1, _log.Count - (int)(from - _base) + 1);
        }
        if (_effects.AppendFrom != default && message != null)
        {
            int first = (int)(_effects.AppendFrom - message.Header.Index) - 1;
            RaftMembers?[] members = ConfigOfEach(message);
            for (int i = first; i < message.Entries.Length; i++)
            {
                if (_scenario.RefusePerMillion > 0 && _prng.Chance(_scenario.RefusePerMillion))
                {
                    LogIndex refused = _base + (ulong)_log.Count + 1;
                    raft.OnAppendRefused(refused, _clock.NowNanos, _effects);
                    break;
                }
                Append(new Entry(message.Entries[i].Term, message.Entries[i].Kind, message.Commands[i], members[i]));
            }
        }
        if (_effects.NoOpIndex != default) { Append(new Entry(raft.Term, EntryKind.NoOp, 0)); }
        if (_effects.HardStateChanged)
        {
            (Term term, NodeId vote, ulong version) = (_effects.HardTerm, _effects.HardVote, _effects.HardStateVersion);
            AfterDisk(() =>
            {
                if (term < _savedTerm) { return; } // the disk keeps order; a later one was faster here
                (_savedTerm, _savedVote) = (term, vote);
                _effects.Clear();
                _raft!.OnHardStateDurable(version, _clock.NowNanos, _effects);
                CarryOut(null);
            });
        }
        if (_effects.LeadershipChanged && raft.IsLeader) { _scenario.OnLeader(this, raft.Term); }
        bool leaves = _effects.LeaveDue;
        while (!_effects.Messages.IsEmpty) { SendOut(new PureMessage(_effects.Messages.PopFront(), [], [], [], null)); }
        while (!_effects.Reads.IsEmpty) { OnReadOutcome(_effects.Reads.PopFront()); }
        while (!_effects.HandOvers.IsEmpty) { HandOver(_effects.HandOvers.PopFront()); }
        Apply();
        Finish();
        if (leaves) { Leave(); }
    }

    private void Append(Entry entry)
    {
        _log.Add(entry);
        LogIndex index = _base + (ulong)_log.Count;
        int logLife = _logLife;
        AfterDisk(() =>
        {
            if (_logLife != logLife) { return; }
            // The record is on the disk whatever came after it; recovery takes the newest record of an index and what continues it.
            SaveEntry(index, entry);
            _effects.Clear();
            _raft!.OnLogDurable(index, entry.Term, _clock.NowNanos, _effects);
            CarryOut(null);
        });
    }

    /// <summary>What log recovery would find: a record replaces that of its index and cuts what is behind.</summary>
    private void SaveEntry(LogIndex index, Entry entry)
    {
        if (index <= _savedBase) { return; }
        int at = (int)(index - _savedBase) - 1;
        Invariant.Require(at <= _savedLog.Count);
        if (at < _savedLog.Count && _savedLog[at] == entry) { return; }
        _savedLog.RemoveRange(at, _savedLog.Count - at);
        _savedLog.Add(entry);
    }

    private void Apply()
    {
        RaftNode raft = _raft!;
        if (_savedNeedsState) { return; }
        while (_applied < raft.Applicable)
        {
            _applied = _applied.Next;
            Entry entry = _log[(int)(_applied - _base) - 1];
            unchecked { _hash = (_hash * 31) + entry.Command; }
            _scenario.OnApplied(Id.Value, _applied.Value, entry.Term, entry.Command);
            if (!_waiting.Remove(_applied.Value, out ulong command)) { continue; }
            if (command != entry.Command || entry.Kind != EntryKind.Data) { continue; } // replaced by a newer leader's
            _scenario.OnAcknowledged(_applied.Value, command);
        }
    }

    private void OnReadOutcome(ReadOutcome outcome)
    {
        if (!_readFloors.Remove(outcome.Context, out ulong floor) || !outcome.Confirmed) { return; }
        CheckRead(floor, outcome.Index);
    }

    /// <summary>A read may be answered from the state at <paramref name="index"/>.</summary>
    private void CheckRead(ulong floor, LogIndex index)
    {
        _scenario.ReadCount++;
        if (index.Value < floor) { throw new SimFailure($"{Name}: a read may see index {index}, {floor} was acknowledged before it began"); }
    }

    private void HandOver(NodeId peer)
    {
        if (_raft is not { IsLeader: true } || _savedState.Index < _base) { return; }
        _raft.Log.TryTerm(_applied, out Term term);
        var header = new RaftMessage { From = Id, To = peer, Term = _raft.Term, Index = _raft.Log.LastIndex };
        RaftMembers members = _raft.MembersAt(_applied, out LogIndex since);
        SendOut(new PureMessage(header, [], [], [], new PureState(_applied, term, _hash, members, since)));
    }

    private void ReceiveState(PureMessage message)
    {
        PureState state = message.State!;
        RaftNode raft = _raft!;
        if (_receiving || (state.Index <= raft.Commit && !raft.NeedsState) || message.Header.Term != raft.Term || raft.IsLeader)
        {
            return;
        }
        if (raft.Log.TryTerm(state.Index, out Term own) && own == state.Term && !raft.NeedsState)
        {
            // Raft §7: what follows in the own log may be acknowledged and must stay. The leader only has to look again.
            _scenario.OnHandedOver(Id, message.Header.From, state.Index);
            return;
        }
        Reached.Mark("sim: protocol state handed over");
        _receiving = true;
        raft.OnRecoveryBegins(_clock.NowNanos, _effects);
        CarryOut(null);
        AfterDisk(() =>
        {
            _savedNeedsState = true;
            AfterDisk(() =>
            {
                _receiving = false;
                if (_raft!.IsLeader) { return; }
                (_savedState, _savedNeedsState) = (state, false);
                _savedFloor = _raft.FloorBehind(state.Index, state.Term, new LogEnd(message.Header.Term, message.Header.Index));
                (_savedBase, _savedBaseTerm, _base) = (state.Index, state.Term, state.Index);
                _savedLog.Clear();
                _log.Clear();
                _logLife++; // entries under way belong to a log that is gone
                (_applied, _hash) = (state.Index, state.Hash);
                _effects.Clear();
                _raft.OnStateInstalled(state.Index, state.Term, _savedFloor, _effects, state.Members, state.Since);
                CarryOut(null);
                _scenario.OnHandedOver(Id, message.Header.From, state.Index);
            });
        });
    }

    public void OnHandOverEnded(NodeId peer, LogIndex index)
    {
        if (_raft is not { IsLeader: true } || Waits(() => OnHandOverEnded(peer, index))) { return; }
        int at = _raft.PeerIndex(peer);
        if (at < 0) { return; } // removed meanwhile
        _effects.Clear();
        _raft.OnHandOverEnded(at, true, index, _clock.NowNanos, _effects);
        CarryOut(null);
    }

    /// <summary>End of an iteration: what is due to peers goes out, and the timer is set.</summary>
    private void Finish()
    {
        RaftNode raft = _raft!;
        long now = _clock.NowNanos;
        for (int i = 0; i < raft.Peers.Length; i++)
        {
            while (raft.TryPrepareAppend(i, now, out RaftMessage message))
            {
                int count = message.EntryCount == 0 ? 0 : 1 + _prng.Below(message.EntryCount);
                message.EntryCount = count;
                var entries = new EntryMeta[count];
                ulong[] commands = new ulong[count];
                var configs = new List<RaftMembers>();
                for (int k = 0; k < count; k++)
                {
                    Entry entry = _log[(int)(message.Index - _base) + k];
                    entries[k] = new EntryMeta(entry.Term, entry.Kind);
                    commands[k] = entry.Command;
                    if (entry.Members != null) { configs.Add(entry.Members); }
                }
                raft.OnAppendSent(i, in message, count * 100, now);
                SendOut(new PureMessage(message, entries, commands, configs.ToArray(), null));
            }
        }
        if (raft.TryTakeAck(out RaftMessage ack)) { SendOut(new PureMessage(ack, [], [], [], null)); }
        long due = raft.DeadlineNanos;
        if (due == _wokenFor) { return; }
        _wokenFor = due;
        int life = _life;
        _scenario.World.ScheduleAt(Math.Max(_clock.ToWorld(due), _scenario.World.Now), new ActionEvent(() =>
        {
            if (_life == life) { OnTimer(due); }
        }));
    }

    private void OnTimer(long due)
    {
        if (_raft == null || _raft.DeadlineNanos != due || Waits(() => OnTimer(due))) { return; }
        _wokenFor = long.MaxValue;
        _effects.Clear();
        _raft.OnTimer(_clock.NowNanos, _effects);
        CarryOut(null);
    }

    private void SendOut(PureMessage message) => _scenario.Send(message);

    /// <summary>The disk is in order: what was written first is durable first.</summary>
    private long _diskFreeAt;

    private void AfterDisk(Action then)
    {
        int life = _life;
        _diskFreeAt = Math.Max(_diskFreeAt + 1, Math.Max(_pausedUntil, _scenario.World.Now) + _prng.Between(10_000, _scenario.DiskMaxNanos));
        _scenario.World.ScheduleAt(_diskFreeAt, new ActionEvent(() =>
        {
            if (_life == life && _raft != null) { then(); }
        }));
    }
}

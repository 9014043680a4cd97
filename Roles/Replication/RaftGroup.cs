using System;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>One replica of one group on this node. Made by <see cref="RaftHost"/>; one reactor's thread only. This file is what
/// roles use; .Members is about who they are, .Steps feeds the Raft node, .Effects carries out what it wants, .Turn serves the role,
/// .Sending feeds the peers.</summary>
internal sealed partial class RaftGroup : IHeartbeatView
{
    private readonly RaftHost _host;
    private readonly RaftNode _node;
    private readonly GroupTimer _timer;
    private readonly RingQueue<PendingEntry> _pending = new(16);
    private readonly RingQueue<IReadWaiter> _unconfirmedReads = new(4);
    private readonly byte[] _hardStateKey;
    private readonly byte[] _commitKey;

    private bool _takesPart;
    private bool _isClosed;
    private LogIndex _applied;
    private long _uncommittedBytes;
    private LogIndex _pin = NoPin;

    /// <param name="start">With the configurations of its log.</param>
    /// <param name="savedMembers">Index of the configuration that is in the group's record.</param>
    internal RaftGroup(RaftHost host, PgId id, GroupConfig config, IStateMachine machine, RaftStart start, LogIndex applied, LogIndex savedMembers)
    {
        _host = host;
        Id = id;
        Config = config;
        Machine = machine;
        _applied = applied;
        Released = start.Log.BaseIndex;
        IsRecovering = start.NeedsState;
        _isCorrupted = start.LostLog;
        _hardStateKey = GroupRecords.HardStateKey(id);
        _commitKey = GroupRecords.CommitKey(id);
        _timer = new GroupTimer(this);
        RaftHostOptions options = host.Options;
        RaftConfig raft = new()
        {
            Self = options.Self,
            Members = RaftMembers.Unknown, // those of the start count
            ElectionTimeoutNanos = options.ElectionTimeoutNanos,
            HeartbeatNanos = options.HeartbeatNanos,
            DriftNanos = options.DriftNanos,
            Lease = options.Lease,
            WindowEntries = options.WindowEntries,
            WindowBytes = options.WindowBytes,
            MaxUncommittedEntries = options.MaxUncommittedEntries,
        };
        // Fresh time: a restarted voter's silence must not begin before its process does.
        _node = new RaftNode(raft, start, host.Prng.Fork(), host.Reactor.Clock.NowNanos, this);
        (_savedMembers, _savingMembers) = (savedMembers, savedMembers);
        UsePeers();
    }

    private static LogIndex NoPin => new(ulong.MaxValue);

    public PgId Id { get; }
    public GroupConfig Config { get; private set; }
    public IStateMachine Machine { get; }

    /// <summary>This node leads, and the state machine has been told (it may still have to commit its first entry:
    /// <see cref="IsReady"/>).</summary>
    public bool IsLeader => _toldLeader && _node.IsLeader && _node.Term == _toldTerm;

    /// <summary>Leads and may serve reads: the first entry of its term is committed and applied.</summary>
    public bool IsReady => _toldReady && IsLeader;

    /// <summary>Who leads as far as this node knows, or <see cref="NodeId.None"/>.</summary>
    public NodeId LeaderHint => _node.Leader;

    public Term Term => _node.Term;
    public LogIndex Commit => _node.Commit;
    public LogIndex Applied => _applied;
    public LogIndex LastIndex => _node.Log.LastIndex;

    /// <summary>Oldest index that the log still holds, minus one.</summary>
    public LogIndex BaseIndex => _node.Log.BaseIndex;

    /// <summary>The replica's state is incomplete: a hand-over is under way or was interrupted, or records were lost. It takes no
    /// entries and does not campaign. Durable.</summary>
    public bool IsRecovering { get; private set; }

    /// <summary>Bytes of the log held by its entries that are not applied yet.</summary>
    internal long UnappliedBytes => _uncommittedBytes;

    /// <summary>The log lost acknowledged entries of this replica: it neither votes nor acknowledges until the state has been handed
    /// over to it. Durable.</summary>
    public bool IsCorrupted => _isCorrupted;

    /// <summary>Messages that only damage or a bug explains.</summary>
    public long Violations { get; private set; }

    /// <summary>Appends and replicates an operation. Header and crcs are copied; the payload buffer is retained.</summary>
    /// <param name="header">At most <see cref="ReplicationLimits.MaxHeaderBytes"/>.</param>
    /// <param name="payload">Whole blocks from the buffer's start; null when <paramref name="payloadBytes"/> is 0.</param>
    /// <param name="blockCrcs">CRC-32C of each payload block, already verified.</param>
    /// <param name="waiter">Gets exactly one call, later, when the result is None; may be null.</param>
    /// <returns>None; Stale = not the leader; Again = window or log full, try again later; Busy = leadership is being
    /// transferred; Invalid; else what the state machine's Reserve said (NoSpace).</returns>
    public Errno TryPropose(ReadOnlySpan<byte> header, PooledBuffer? payload, int payloadBytes, ReadOnlySpan<uint> blockCrcs,
        IProposalWaiter? waiter, out LogIndex index)
    {
        index = _node.NextIndex;
        if (!IsLeader || _isClosed || _host.Failure != Errno.None) { return Errno.Stale; }
        if (header.Length > ReplicationLimits.MaxHeaderBytes || payloadBytes > ReplicationLimits.MaxPayloadBytes ||
            payloadBytes % Units.BlockBytes != 0 || blockCrcs.Length != payloadBytes / Units.BlockBytes ||
            (payloadBytes > 0 && (payload == null || payload.Capacity < payloadBytes)))
        {
            return Errno.Invalid;
        }
        Errno status = _node.CheckPropose();
        if (status != Errno.None) { return status; }
        if (_uncommittedBytes >= _host.Options.MaxUncommittedBytes) { return Errno.Again; }
        if (payloadBytes > 0 && _host.DiskLog.HoldsBackNewEntries)
        {
            Reached.Mark("replication: clients' entries wait for the log's cleaner");
            return Errno.Again;
        }
        PendingEntry entry = new() { Term = _node.Term, Kind = EntryKind.Data, PayloadBytes = payloadBytes, Waiter = waiter };
        status = Append(index, ref entry, header, blockCrcs, payload, 0);
        if (status != Errno.None) { return status; }
        Effects effects = BeginStep();
        _ = _node.Propose(_host.Reactor.NowNanos, effects);
        EndStep(effects);
        return Errno.None;
    }

    /// <summary>May a linearizable read be served? Call it after the request was taken from the network: the lease is checked
    /// against a fresh sample of the clock. A Pending waiter gets exactly one call.</summary>
    public ReadStatus TryBeginRead(IReadWaiter waiter)
    {
        if (!IsLeader || _isClosed || _host.Failure != Errno.None) { return ReadStatus.NotLeader; }
        // Everything that was acknowledged to anybody is applied here: what this leader acknowledged, after Apply; what
        // earlier ones did, before this one was ready.
        if (_toldReady && _node.HoldsLease(_host.Reactor.Clock.NowNanos))
        {
            Reached.Mark("replication: read under the lease");
            return ReadStatus.Ready;
        }
        Reached.Mark("replication: read by a read-index round");
        if (_unconfirmedReads.Count + _confirmedReads.Count >= ReplicationLimits.MaxPendingReads) { return ReadStatus.Busy; }
        _unconfirmedReads.PushBack(waiter);
        Effects effects = BeginStep();
        bool taken = _node.TryReadIndex(0, _host.Reactor.NowNanos, effects);
        if (!taken) { _ = _unconfirmedReads.PopBack(); }
        EndStep(effects);
        return taken ? ReadStatus.Pending : ReadStatus.Busy;
    }

    /// <summary>Term of an entry that the log still holds (or of its base).</summary>
    public bool TryGetTerm(LogIndex index, out Term term) => _node.Log.TryTerm(index, out term);

    /// <summary>Leader: hand the leadership to <paramref name="to"/> when it has caught up.</summary>
    /// <returns>None = under way; Stale, Busy, Invalid.</returns>
    public Errno TransferLeadership(NodeId to)
    {
        Effects effects = BeginStep();
        Errno status = _node.TransferLeadership(to, _host.Reactor.NowNanos, effects);
        EndStep(effects);
        return status;
    }

    /// <summary>This node is about to end: it does not campaign any more.</summary>
    internal void Retire() => _node.Retire();

    /// <summary>Hands the leadership to whoever is fit best, unless that is under way.</summary>
    /// <returns>False = this node does not lead, or nobody else could.</returns>
    internal bool HandOver()
    {
        if (_isClosed) { return false; }
        Span<bool> isEnding = stackalloc bool[_peers.Length];
        for (int i = 0; i < _peers.Length; i++) { isEnding[i] = _peers[i].Link.IsEnding || !_peers[i].IsReachable; }
        NodeId to = _node.Successor(isEnding, _host.Reactor.NowNanos);
        if (to.IsNone) { return false; }
        _ = TransferLeadership(to); // Busy: wait for the one before
        return true;
    }

    public void SetPreferredLeader(NodeId preferred)
    {
        Config = Config with { Preferred = preferred };
        _node.SetPreferred(preferred);
    }

    /// <summary>Members (this one included) heard within the election timeout; leader only, else none.</summary>
    /// <returns>How many were written.</returns>
    public int CopyMembersSeen(Span<NodeId> into)
    {
        if (!_node.IsLeader || into.IsEmpty) { return 0; }
        int count = 0;
        long now = _host.Reactor.NowNanos;
        into[count++] = _node.Self;
        for (int i = 0; i < _peers.Length && count < into.Length; i++)
        {
            if (_node.IsPeerAlive(i, now)) { into[count++] = _node.Peers[i].Id; }
        }
        return count;
    }

    /// <summary>A member that takes part has no room for new data: entries with data would wait, perhaps for ever, for its
    /// acknowledgement, and what frees space would wait behind them.</summary>
    public bool HasFullPeer
    {
        get
        {
            for (int i = 0; i < _peers.Length; i++)
            {
                if (_peers[i].Link.IsFull && _peers[i].IsReachable && _node.Peers[i].IsVoter) { return true; }
            }
            return false;
        }
    }

    // ---- the log's room ----

    /// <summary>The state up to <paramref name="upTo"/> is durable without the log: entries up to there may go (at most to the
    /// applied index and not beyond a pin).</summary>
    public void ReleaseLog(LogIndex upTo)
    {
        Released = LogIndex.Max(Released, LogIndex.Min(upTo, LogIndex.Min(_applied, _pin)));
        _host.OnReleased(this);
    }

    /// <summary>Keeps entries above <paramref name="from"/> in the log until <see cref="UnpinLog"/>; one pin at a time.</summary>
    /// <returns>False = one is set already, or the log has let entries above it go.</returns>
    public bool PinLog(LogIndex from)
    {
        if (_pin != NoPin || from < Released) { return false; }
        _pin = from;
        return true;
    }

    public void UnpinLog() => _pin = NoPin;

    // ---- hand-over of the whole state ----

    /// <summary>Leader: the hand-over to <paramref name="peer"/> ended; with success, its log now begins at <paramref name="index"/>.</summary>
    public void OnHandOverEnded(NodeId peer, bool success, LogIndex index)
    {
        int at = _node.PeerIndex(peer);
        if (at < 0) { return; }
        Effects effects = BeginStep();
        _node.OnHandOverEnded(at, success, index, _host.Reactor.NowNanos, effects);
        EndStep(effects);
    }

    /// <summary>Follower: begins a hand-over: marks durably that the state is incomplete. From now on the group takes no entries.</summary>
    /// <param name="done">Gets OnCommitted when the mark is durable; only then may the state be changed.</param>
    /// <returns>None; Again = the log is full; Stale = this node leads.</returns>
    public Errno BeginRecovery(IProposalWaiter done)
    {
        if (_node.IsLeader || _isClosed) { return Errno.Stale; }
        Errno status = _host.SaveRecovery(this, _isCorrupted, done);
        if (status != Errno.None) { return status; }
        IsRecovering = true;
        Effects effects = BeginStep();
        _node.OnRecoveryBegins(_host.Reactor.NowNanos, effects);
        EndStep(effects);
        return Errno.None;
    }

    /// <summary>Leader: what goes with its state up to <paramref name="index"/> to a follower, for <see cref="InstallBase"/> there.</summary>
    /// <param name="index">Applied, and not yet released from the log.</param>
    public bool TryDescribeBase(LogIndex index, [NotNullWhen(true)] out GroupBase? description)
    {
        description = null;
        if (!_node.IsLeader || !_node.Log.TryTerm(index, out Term term)) { return false; }
        RaftMembers members = _node.MembersAt(index, out LogIndex since);
        if (Sabotage.Is(SabotageKind.HandOverOlderMembers) && since != default) { members = _node.MembersAt(since.Previous, out since); }
        if (since > index) { return false; } // a restarted leader knows only a later one; it will soon have applied as much
        description = new GroupBase
        {
            Index = index,
            Term = term,
            LeaderEnd = new LogEnd(_node.Term, _node.Log.LastIndex),
            Members = members,
            MembersSince = since,
        };
        return true;
    }

    /// <summary>Follower: the complete state up to the base's index is durable here; the log starts anew behind it and the mark of
    /// <see cref="BeginRecovery"/> is removed. What was acknowledged here behind it counts until this log holds it again.</summary>
    /// <param name="done">Gets OnCommitted when that is durable; may be null.</param>
    /// <returns>None; Again = the log is full, call again; Stale = this node leads, or its own log reaches further; Invalid = the members
    /// are not told and not known here.</returns>
    public Errno InstallBase(GroupBase start, IProposalWaiter? done = null)
    {
        if (_node.IsLeader || _isClosed) { return Errno.Stale; }
        (LogIndex index, Term term) = (start.Index, start.Term);
        // A replica that needs the state may know of later commits than a leader that has just restarted: their entries follow.
        if (index < (IsRecovering ? BaseIndex : _node.Commit) || term > _node.Term) { return Errno.Stale; }
        RaftMembers members = _node.MembersAt(index, out LogIndex since);
        if (start.Members is { } told) { (members, since) = (told, start.MembersSince); }
        if (members == RaftMembers.Unknown || since > index) { return Errno.Invalid; }
        LogEnd leaderEnd = start.LeaderEnd.Term == default ? new LogEnd(_node.Term, start.LeaderEnd.Index) : start.LeaderEnd;
        LogEnd voteFloor = _node.FloorBehind(index, term, leaderEnd);
        Errno status = _host.SaveBase(this, start with { Members = members, MembersSince = since }, voteFloor, done);
        if (status != Errno.None) { return status; }
        DropPending(new LogIndex(_applied.Value + 1));
        _applied = index;
        Released = index;
        _releaseWanted = default; // was of the log before
        IsRecovering = false;
        _isCorrupted = false;
        (_savedMembers, _savingMembers) = (since, since);
        Effects effects = BeginStep();
        _node.OnStateInstalled(index, term, voteFloor, effects, members, since);
        EndStep(effects);
        return Errno.None;
    }
}

using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;

// Joins Raft with the shard's log and its peers.
//
// One loop iteration. Frames, log completions and timers step the groups at once: that only appends to the log, fills the
// peers' frames and notes what else has to happen. Groups with something to do are on the ready list, and one Turn in the
// run phase of the same iteration serves them: leadership, apply, waiters, then acknowledgements and entries for the
// peers; at its end every peer with messages gets one frame. So the role is never called in the middle of a step, all that
// arrived in an iteration is answered in one message per peer, and the log writes it as one batch (group commit).
namespace Fastblock.Roles.Replication;

/// <summary>All replicas of one shard of an OSD (or of one monitor). Made after the log has been replayed; one reactor's
/// thread only.</summary>
internal sealed partial class RaftHost : ILogListener, ILogOwner
{
    private readonly OrderedTable<PgId, RaftGroup> _groups = new();
    private readonly OrderedTable<NodeId, PeerLink> _links = new();
    private readonly List<StoredGroup> _stored = [];
    private readonly RaftReplay _replay;
    private readonly KvBatch _batch = new();

    /// <param name="log">Open; its records were given to <paramref name="replay"/> while it opened.</param>
    /// <param name="prng">For everything random in here.</param>
    public RaftHost(Reactor reactor, ITransport transport, DiskLog log, KvStore kv, RaftReplay replay, RaftHostOptions options,
        Prng prng, Log? events = null)
    {
        Reactor = reactor;
        Transport = transport;
        DiskLog = log;
        Kv = kv;
        _replay = replay;
        Options = options;
        Prng = prng;
        Log = events ?? Log.Silent(reactor.Clock);
        _turn = new Turn(this);
        _room = new RoomWaiter(this);
        _beatTimer = new CallbackTimer(OnBeatTimer);
        _readTimer = new CallbackTimer(_ => OnReadTimer());
        Invariant.Require(options.HeartbeatNanos * 4 <= options.ElectionTimeoutNanos);
        Invariant.Require(options.DriftNanos * 2 < options.ElectionTimeoutNanos);
        FindStored();
    }

    public RaftHostOptions Options { get; }

    /// <summary>Groups that the log's replay found, in order of id; open or remove each of them.</summary>
    public IReadOnlyList<StoredGroup> Stored => _stored;

    /// <summary>Open groups in order of id.</summary>
    public IReadOnlyCollection<RaftGroup> Groups => _groups.Values;

    /// <summary>The log has failed: nothing is acknowledged any more, the node should stop. Set once.</summary>
    public Errno Failure { get; private set; }

    /// <summary>The role's store takes no new data. Set by the role; peers learn it with the next message or heartbeat.</summary>
    public bool IsStoreFull { get; set; }

    /// <summary>Called once when the log fails.</summary>
    public Action<Errno>? OnFailed { get; set; }

    /// <summary>Frames of type Raft sent to peers since the start.</summary>
    public long RaftFramesSent { get; internal set; }

    /// <summary>Merged heartbeats and their answers sent to peers since the start.</summary>
    public long HeartbeatFramesSent { get; internal set; }

    internal Reactor Reactor { get; }
    internal ITransport Transport { get; }
    internal DiskLog DiskLog { get; }
    internal KvStore Kv { get; }
    internal Prng Prng { get; }
    internal Log Log { get; }
    /// <summary>Bytes of the log held by entries that are not applied yet, over all groups.</summary>
    internal long UnappliedBytes { get; set; }

    /// <summary>How many bytes of entries that are not applied may be in the log when another one comes. Such entries cannot
    /// leave it, so the rest of the log must do for the cleaner and for what replaces them when a newer leader cuts them
    /// off. A leader stops long before its followers do, so that they can take what it has. Its first entry always fits:
    /// it is what lets the others be committed; and so do configurations, which may be what gives them a majority. docs/decisions/room-for-what-is-not-committed.md.</summary>
    internal bool TakesUnapplied(bool isLeader, EntryKind kind)
    {
        if (kind != EntryKind.Data || UnappliedBytes < DiskLog.TotalBytes / 8) { return true; }
        if (UnappliedBytes >= DiskLog.TotalBytes / 2) { return false; }
        if (!isLeader) { return true; }
        // What a group holds that waits for its leader's state stays until that has come, which may be never: its leader's
        // device may be damaged. The groups that are led here must not wait for it.
        long waiting = 0;
        foreach (RaftGroup group in _groups.Values) { waiting += group.IsRecovering ? group.UnappliedBytes : 0; }
        return UnappliedBytes - waiting < DiskLog.TotalBytes / 8;
    }

    internal bool IsStarted { get; private set; }
    internal BytesPool Bytes { get; } = new();

    /// <summary>Re-used by every step of every group: its contents are carried out before the step returns.</summary>
    internal Effects Effects { get; } = new();

    /// <summary>For reading one entry at a time out of the log's memory.</summary>
    internal LogEntryBuffer ReadBuffer { get; } = new();

    public bool TryGetGroup(PgId id, [NotNullWhen(true)] out RaftGroup? group) => _groups.TryGetValue(id, out group);

    internal RaftGroup? FindGroup(PgId id) => _groups.GetValueOrDefault(id);

    /// <summary>Makes an empty replica of a new group. Only for groups that the map calls `creating`: an emptied node must
    /// never create one that was active. It takes part only after it is durable.</summary>
    /// <param name="done">Gets OnCommitted when the group is durable here; may be null.</param>
    /// <returns>None; Exists = already here; Again = the log is full; Invalid = bad members.</returns>
    public Errno CreateGroup(PgId id, GroupConfig config, IStateMachine machine, IProposalWaiter? done, out RaftGroup? group)
    {
        group = null;
        if (_groups.ContainsKey(id) || IsStored(id)) { return Errno.Exists; }
        if (!IsValid(config)) { return Errno.Invalid; }
        _batch.Clear();
        RaftMembers founders = config.Founders;
        bool fits = _batch.TryPut(GroupRecords.ConfigKey(id), GroupRecords.EncodeConfig(config.Incarnation, founders, default)) &&
            _batch.TryDelete(GroupRecords.HardStateKey(id)) && _batch.TryDelete(GroupRecords.RecoveryKey(id)) &&
            _batch.TryDelete(GroupRecords.CommitKey(id));
        Invariant.Require(fits);
        return Found(id, config, machine, new RaftStart { Configs = new ConfigTrack(founders), Preferred = config.Preferred }, done, out group);
    }

    /// <summary>Opens a group of <see cref="Stored"/>: its entries above <paramref name="applied"/> are passed to the state
    /// machine's Reserve now and to Apply once they are known to be committed.</summary>
    /// <param name="applied">Up to where the role's own durable state reaches; default = the log's base.</param>
    public Errno OpenGroup(StoredGroup stored, IStateMachine machine, LogIndex applied, out RaftGroup? group)
    {
        group = null;
        PgId id = stored.Id;
        if (_groups.ContainsKey(id)) { return Errno.Exists; }
        if (!DiskLog.TryGetGroup(id, out LogGroupInfo info) || info.Incarnation != stored.Config.Incarnation) { return Errno.NotFound; }
        GroupConfig config = stored.Config; // with the Preferred that the caller may have put into it
        Term term = default;
        NodeId vote = NodeId.None;
        if (Kv.TryGet(GroupRecords.HardStateKey(id), out ReadOnlySpan<byte> hard) &&
            !GroupRecords.TryDecodeHardState(hard, info.Incarnation, out term, out vote))
        {
            return Errno.BadMessage;
        }
        RaftLog log = new(new LogIndex(info.BaseIndex), new Term(info.BaseTerm));
        for (ulong index = info.BaseIndex + 1; index <= info.LastIndex; index++)
        {
            if (!DiskLog.TryGetTerm(id, index, out ulong entryTerm) || entryTerm < log.LastTerm.Value) { return Errno.BadMessage; }
            _ = log.Append(new Term(entryTerm));
        }
        // An entry of a newer term than the hard state's means that the latter's record was lost to a crash in between: nothing
        // was answered in that term yet. After damage the hard state is that of SettleDamageAsync.
        LogIndex known = Kv.TryGet(GroupRecords.CommitKey(id), out ReadOnlySpan<byte> mark)
            ? GroupRecords.DecodeCommit(mark, info.Incarnation)
            : default;
        if (ReadMembers(stored, log) is not { } configs) { return Errno.BadMessage; }
        known = LogIndex.Max(known, stored.MembersIndex); // it was applied when it was written down
        applied = LogIndex.Min(LogIndex.Max(applied, log.BaseIndex), log.LastIndex);
        RaftStart start = new()
        {
            Term = term > log.LastTerm ? term : log.LastTerm,
            Vote = log.LastTerm > term ? NodeId.None : vote,
            Log = log,
            Configs = configs,
            Commit = LogIndex.Min(LogIndex.Max(applied, known), log.LastIndex),
            Preferred = config.Preferred,
            NeedsState = stored.Recovering,
            LostLog = stored.LostLog,
            VoteFloor = stored.VoteFloor,
        };
        group = new RaftGroup(this, id, config, machine, start, applied, stored.MembersIndex);
        group.Load(_replay);
        _replay.Forget(id);
        Add(group);
        group.BecomeDurable();
        return Errno.None;
    }

    /// <summary>Closes a group and deletes everything of it from log and store (the state machine's data is the role's).</summary>
    /// <param name="done">Gets OnCommitted when it is durable; may be null.</param>
    /// <returns>None; NotFound; Again = the log is full.</returns>
    public Errno RemoveGroup(PgId id, IProposalWaiter? done)
    {
        if (!DiskLog.TryGetGroup(id, out _)) { return Errno.NotFound; }
        _ = _stored.RemoveAll(stored => stored.Id == id);
        Errno status = DiskLog.TryAppendRemove(id, this, out ulong sequence);
        if (status != Errno.None) { return status == Errno.NoSpace ? Errno.Again : status; }
        AddNote(new LogNote { Sequence = sequence, Kind = LogNoteKind.Waiter, Waiter = done });
        _batch.Clear();
        bool fits = _batch.TryDelete(GroupRecords.ConfigKey(id)) && _batch.TryDelete(GroupRecords.HardStateKey(id)) &&
            _batch.TryDelete(GroupRecords.RecoveryKey(id)) && _batch.TryDelete(GroupRecords.CommitKey(id));
        Invariant.Require(fits);
        // Left-overs of a group that the log does not know are swept away at the next start.
        _ = Kv.Commit(_batch, listener: null, out _);
        _replay.Forget(id);
        if (_groups.Remove(id, out RaftGroup? group)) { group.Close(); }
        return Errno.None;
    }

    /// <summary>Where a peer is to be reached, and the uuid that its present device has. Again with other values when the map
    /// says so: the connection is then made anew.</summary>
    public void SetPeerAddress(NodeId peer, NetAddress address, Guid instance)
    {
        if (peer != Options.Self) { Link(peer).SetAddress(address, instance); }
    }

    /// <summary>A connection of a peer's host came in (Hello.Role is <see cref="RaftHostOptions.Role"/>): null refuses it.</summary>
    public IConnectionHandler? OnPeerConnection(IConnection connection)
    {
        ref readonly Hello hello = ref connection.PeerHello;
        NodeId peer = new(hello.NodeId);
        if (hello.Role != Options.Role || hello.Shard != Options.Shard || peer == Options.Self || peer.IsNone) { return null; }
        // Only who is known, by the map or as a member, gets memory here.
        return _links.TryGetValue(peer, out PeerLink? link) && link.Accept(connection) ? link : null;
    }

    /// <summary>Begins to work: timers, connections. Groups may be opened before and after.</summary>
    public void Start()
    {
        if (IsStarted) { return; }
        IsStarted = true;
        foreach (PeerLink link in _links.Values) { link.MaybeDial(); }
        foreach (RaftGroup group in _groups.Values) { group.Arm(); }
        ArmBeat(Reactor.NowNanos);
    }

    /// <summary>Stops timers and closes the peers' connections.</summary>
    public void Stop()
    {
        IsStarted = false;
        Reactor.Disarm(_beatTimer);
        Reactor.Disarm(_readTimer);
        foreach (RaftGroup group in _groups.Values) { group.Disarm(); }
        foreach (PeerLink link in _links.Values) { link.Stop(); }
    }

    internal Hello OwnHello() => new()
    {
        Role = Options.Role,
        NodeId = Options.Self.Value,
        Shard = Options.Shard,
        Cluster = Options.Cluster,
        Instance = Options.Instance,
    };

    internal PeerLink Link(NodeId peer)
    {
        if (!_links.TryGetValue(peer, out PeerLink? link))
        {
            link = new PeerLink(this, peer, Prng.Fork());
            _links.Add(peer, link);
        }
        return link;
    }

    private void Add(RaftGroup group)
    {
        _groups.Add(group.Id, group);
        foreach (GroupPeer peer in group.Peers) { peer.Link.MaybeDial(); }
    }

    private bool IsStored(PgId id)
    {
        foreach (StoredGroup stored in _stored)
        {
            if (stored.Id == id) { return true; }
        }
        return false;
    }

    private bool IsValid(GroupConfig config)
    {
        bool self = false;
        int members = config.Voters.Length + config.Learners.Length;
        if (config.Voters.Length == 0 || members > ReplicationLimits.MaxMembers) { return false; }
        HashSet<NodeId> seen = [];
        foreach (GroupMember[] set in new[] { config.Voters, config.Learners })
        {
            foreach (GroupMember member in set)
            {
                if (member.Id.IsNone || !seen.Add(member.Id)) { return false; }
                self |= member == new GroupMember(Options.Self, Options.Instance);
            }
        }
        return self;
    }

    /// <summary>Groups of the log that have a configuration are ours; the rest is what a crash left of a creation or removal.</summary>
    private void FindStored()
    {
        foreach (PgId id in DiskLog.Groups)
        {
            if (!DiskLog.TryGetGroup(id, out LogGroupInfo info)) { continue; }
            if (!Kv.TryGet(GroupRecords.ConfigKey(id), out ReadOnlySpan<byte> value)) { continue; }
            if (!GroupRecords.TryDecodeConfig(value, out ulong incarnation, out RaftMembers? members, out LogIndex since)) { continue; }
            if (incarnation != info.Incarnation) { continue; }
            GroupConfig config = new() { Incarnation = incarnation };
            GroupRecovery recovery = default;
            if (Kv.TryGet(GroupRecords.RecoveryKey(id), out ReadOnlySpan<byte> mark))
            {
                Term known = new(KnownTerm(id, config.Incarnation));
                _ = GroupRecords.TryDecodeRecovery(mark, config.Incarnation, known, out recovery);
            }
            bool lost = recovery.LostLog || info.Damaged;
            _stored.Add(new StoredGroup(id, config, members, since, recovery.IsIncomplete || lost, lost, recovery.VoteFloor));
        }
    }
}

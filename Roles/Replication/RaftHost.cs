#pragma warning disable CA1822 // The bodies follow; the signatures are for those who build on them.
using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>All replicas of one shard of an OSD (or of one monitor): joins Raft with the shard's log and its peers. Made after
/// the log has been replayed; one reactor's thread only.</summary>
internal sealed class RaftHost
{
    private readonly SortedDictionary<PgId, RaftGroup> _groups = new();
    private readonly List<StoredGroup> _stored = new();

    public RaftHost(RaftHostOptions options) => Options = options;

    public RaftHostOptions Options { get; }

    /// <summary>Groups that the log's replay found, in order of id; open or remove each of them.</summary>
    public IReadOnlyList<StoredGroup> Stored => _stored;

    /// <summary>Open groups in order of id.</summary>
    public IReadOnlyCollection<RaftGroup> Groups => _groups.Values;

    public bool TryGetGroup(PgId id, [NotNullWhen(true)] out RaftGroup? group) => _groups.TryGetValue(id, out group);

    /// <summary>Makes an empty replica of a new group. Only for groups that the map calls `creating`: an emptied node must
    /// never create one that was active. It takes part only after it is durable.</summary>
    /// <param name="done">Gets OnCommitted when the group is durable here; may be null.</param>
    /// <returns>None; Exists = already here; Again = the log is full; Invalid.</returns>
    public Errno CreateGroup(PgId id, GroupConfig config, IStateMachine machine, IProposalWaiter? done, out RaftGroup? group)
    {
        group = null;
        return Errno.NotSupported;
    }

    /// <summary>Opens a group of <see cref="Stored"/>: its entries above <paramref name="applied"/> are passed to the state
    /// machine's Reserve now and to Apply once they are known to be committed.</summary>
    /// <param name="applied">Up to where the role's own durable state reaches; default = the log's base.</param>
    public Errno OpenGroup(StoredGroup stored, IStateMachine machine, LogIndex applied, out RaftGroup? group)
    {
        group = null;
        return Errno.NotSupported;
    }

    /// <summary>Closes a group and deletes everything of it from log and store (the state machine's data is the role's).</summary>
    /// <param name="done">Gets OnCommitted when it is durable; may be null.</param>
    public Errno RemoveGroup(PgId id, IProposalWaiter? done) => Errno.NotFound;

    /// <summary>Where a peer is to be reached, and the uuid that its present device has. Again with other values when the map
    /// says so: the connection is then made anew.</summary>
    public void SetPeerAddress(NodeId peer, NetAddress address, Guid instance) { }

    /// <summary>A connection of a peer's host came in (Hello.Role is <see cref="RaftHostOptions.Role"/>): null refuses it.</summary>
    public IConnectionHandler? OnPeerConnection(IConnection connection) => null;

    /// <summary>Begins to work: timers, connections. Groups may be opened before and after.</summary>
    public void Start() { }

    /// <summary>Stops timers and closes the peers' connections.</summary>
    public void Stop() { }
}

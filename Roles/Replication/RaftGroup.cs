#pragma warning disable CA1822 // The bodies follow; the signatures are for those who build on them.
using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

/// <summary>One replica of one group on this node. Made by <see cref="RaftHost"/>; one reactor's thread only.</summary>
internal sealed class RaftGroup
{
    internal RaftGroup(PgId id, GroupConfig config, IStateMachine machine)
    {
        Id = id;
        Config = config;
        Machine = machine;
    }

    public PgId Id { get; }
    public GroupConfig Config { get; private set; }
    public IStateMachine Machine { get; }

    /// <summary>This node leads (it may still have to commit its first entry: <see cref="IsReady"/>).</summary>
    public bool IsLeader { get; private set; }

    /// <summary>Leads and may serve reads: the first entry of its term is committed and applied.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Who leads as far as this node knows, or <see cref="NodeId.None"/>.</summary>
    public NodeId LeaderHint { get; private set; } = NodeId.None;

    public Term Term { get; private set; }
    public LogIndex Commit { get; private set; }
    public LogIndex Applied { get; private set; }
    public LogIndex LastIndex { get; private set; }

    /// <summary>Oldest index that the log still holds, minus one.</summary>
    public LogIndex BaseIndex { get; private set; }

    /// <summary>The replica was wiped for a hand-over, or lost records, and holds no complete state yet: it does not campaign.
    /// Durable.</summary>
    public bool IsRecovering { get; private set; }

    /// <summary>Appends and replicates an operation. Header and crcs are copied; the payload buffer is retained.</summary>
    /// <param name="header">At most <see cref="ReplicationLimits.MaxHeaderBytes"/>.</param>
    /// <param name="payload">Whole blocks from the buffer's start; null when <paramref name="payloadBytes"/> is 0.</param>
    /// <param name="blockCrcs">CRC-32C of each payload block.</param>
    /// <param name="waiter">Gets exactly one call, later, when the result is None; may be null.</param>
    /// <returns>None; Stale = not the leader; Again = window or log full, try again later; NoSpace = the state machine's
    /// Reserve refused; Busy = leadership is being transferred; Invalid.</returns>
    public Errno TryPropose(ReadOnlySpan<byte> header, PooledBuffer? payload, int payloadBytes, ReadOnlySpan<uint> blockCrcs,
        IProposalWaiter? waiter, out LogIndex index)
    {
        index = default;
        return Errno.Stale;
    }

    /// <summary>The waiter's object is going away: it will not be called for <paramref name="index"/>.</summary>
    public void Abandon(LogIndex index, IProposalWaiter waiter) { }

    /// <summary>May a linearizable read be served? Call it after the request was taken from the network: the lease is checked
    /// against a fresh sample of the clock. A Pending waiter gets exactly one call.</summary>
    public ReadStatus TryBeginRead(IReadWaiter waiter) => ReadStatus.NotLeader;

    /// <summary>Term of an entry that the log still holds (or of its base).</summary>
    public bool TryGetTerm(LogIndex index, out Term term)
    {
        term = default;
        return false;
    }

    /// <summary>Leader: hand the leadership to <paramref name="to"/> when it has caught up.</summary>
    public void TransferLeadership(NodeId to) { }

    public void SetPreferredLeader(NodeId preferred) => Config = Config with { Preferred = preferred };

    /// <summary>Members (this one included) heard within the election timeout; leader only, else empty.</summary>
    public int CopyMembersSeen(Span<NodeId> into) => 0;

    /// <summary>The state up to <paramref name="upTo"/> is durable without the log: entries up to there may go (at most to the
    /// applied index and not beyond a pin).</summary>
    public void ReleaseLog(LogIndex upTo) { }

    /// <summary>Keeps entries above <paramref name="from"/> in the log until <see cref="UnpinLog"/>; one pin at a time.</summary>
    public bool PinLog(LogIndex from) => false;

    public void UnpinLog() { }

    /// <summary>Leader: the hand-over to <paramref name="peer"/> ended; with success, its log now begins at <paramref name="index"/>.</summary>
    public void OnHandOverEnded(NodeId peer, bool success, LogIndex index) { }

    /// <summary>Follower: begins a hand-over: durable mark that the state is incomplete. <paramref name="done"/> gets
    /// OnCommitted when the mark is durable; only then may the state be changed.</summary>
    public void BeginRecovery(IProposalWaiter done) { }

    /// <summary>Follower: the complete state up to <paramref name="index"/> is durable here; the log starts anew behind it and
    /// the mark of <see cref="BeginRecovery"/> is removed.</summary>
    public Errno InstallBase(LogIndex index, Term term) => Errno.Invalid;
}

using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Osd;

/// <summary>Both ends of a hand-over: <see cref="HandOverSource"/> on the leader, <see cref="HandOverSink"/> on the follower.</summary>
internal sealed partial class PgReplica
{
    /// <summary>One at a time: it pins the log. Another follower that needs one is asked for again.</summary>
    private HandOverSource? _handOver;

    public void OnNeedsHandOver(NodeId peer, LogIndex peerLast)
    {
        // A leader need not be ready for it: what it has applied is committed, and it may not become ready without this peer.
        if (_handOver is not null || Group is not { IsLeader: true }) { return; }
        _handOver = new HandOverSource(_shard, this, peer);
        HandOverAsync(_handOver, peer).Start();
    }

    private async ReactorTask HandOverAsync(HandOverSource source, NodeId peer)
    {
        _shard.OnHandOverBegins(this, peer);
        (Errno status, LogIndex index) = await source.RunAsync();
        _handOver = null;
        Group?.OnHandOverEnded(peer, status == Errno.None, index);
        _shard.OnHandOverEnded(this, peer, status);
    }

    /// <summary>Follower: a hand-over is under way on some connection.</summary>
    public bool IsTakingOver { get; set; }

    /// <summary>Follower: the sessions that have arrived, as of the hand-over's index.</summary>
    public ReplicatedState Received { get; } = new();

    /// <summary>Follower: all objects are here and durable. Takes over the sessions, makes them durable, and lets the log begin
    /// anew behind <paramref name="from"/>.</summary>
    /// <returns>None, or what the log says when it has no room now.</returns>
    public Errno FinishHandOver(GroupBase from)
    {
        _state.TakeOver(Received, from.Index.Value);
        Errno status = StoreAll(listener: null, cleaning: false, out _);
        if (status != Errno.None) { return status; }
        // The same log, behind the state: both are durable, or only the state is and the hand-over is still marked as open.
        status = Group!.InstallBase(from);
        if (status != Errno.None) { return status; } // it is tried again
        Received.Clear();
        (_releaseWanted, _storeReleases) = (0, 0); // these were of the log before
        return Errno.None;
    }
}

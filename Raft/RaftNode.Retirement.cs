using System;

namespace Fastblock.Raft;

// A node that is about to end in good order leads no more: what it leads its host hands over, so that nobody has to miss it.
internal sealed partial class RaftNode
{
    private bool _isRetiring;

    /// <summary>From now on this node does not campaign. It still votes and takes entries.</summary>
    public void Retire() => _isRetiring = true;

    /// <summary>Who is to lead when this leader ends: of those that could and were heard lately, the one that has most of the log.</summary>
    /// <param name="isEnding">By index in <see cref="Peers"/>: they are about to end as well.</param>
    /// <returns><see cref="NodeId.None"/> when this node does not lead or there is nobody.</returns>
    public NodeId Successor(ReadOnlySpan<bool> isEnding, long now)
    {
        NodeId best = NodeId.None;
        LogIndex match = default;
        for (int i = 0; i < _peers.Length && _role == RaftRole.Leader; i++)
        {
            Progress peer = _peers[i];
            bool fit = !isEnding[i] && _members.IsIncoming(peer.Id) && !peer.NeedsState && !peer.HasNoRoom
                && peer.State == ProgressState.Replicate && IsPeerAlive(i, now);
            // Among equals the preferred one, so that the leadership does not move twice.
            bool better = best.IsNone || peer.Match > match || (peer.Match == match && peer.Id == _preferred);
            if (fit && better) { (best, match) = (peer.Id, peer.Match); }
        }
        return best;
    }
}

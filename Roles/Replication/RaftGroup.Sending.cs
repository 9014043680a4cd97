using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Raft;
using Fastblock.Storage.Log;

namespace Fastblock.Roles.Replication;

// What goes to the peers at the end of a turn: one acknowledgement to the leader, or entries to the followers, read from the
// log's memory, or from the device for those that are far behind.
internal sealed partial class RaftGroup
{
    /// <summary>Bytes counted for an entry beside its payload.</summary>
    private const int EntryOverheadBytes = 64;

    private bool _sendDue;

    internal bool IsBlockedOn(PeerLink link)
    {
        foreach (GroupPeer peer in _peers)
        {
            if (peer.Link == link && peer.IsBlocked)
            {
                _sendDue = true;
                return true;
            }
        }
        return false;
    }

    private void SendDue()
    {
        if (!_sendDue) { return; }
        _sendDue = false;
        if (_node.TryTakeAck(out RaftMessage ack)) { Send(in ack); }
        if (!_node.IsLeader) { return; }
        for (int i = 0; i < _peers.Length; i++)
        {
            if (_peers[i].IsReachable) { SendAppends(i); }
        }
    }

    private void SendAppends(int at)
    {
        GroupPeer peer = _peers[at];
        PeerLink link = peer.Link;
        long now = _host.Reactor.NowNanos;
        peer.IsBlocked = false;
        while (_node.TryPrepareAppend(at, now, out RaftMessage message))
        {
            bool hasRoom = link.HasRoom();
            peer.IsBlocked = !hasRoom;
            if (!hasRoom && !_node.Peers[at].NeedsRound) { return; }
            if (!link.Writer.TryBegin(Id, Config.Incarnation, in message))
            {
                link.Flush();
                continue;
            }
            int bytes = 0;
            Fill outcome = hasRoom ? AddEntries(at, in message, out bytes) : Fill.Waiting;
            if (outcome == Fill.FrameFull && bytes == 0)
            {
                link.Writer.Cancel();
                link.Flush();
                continue;
            }
            if (bytes == 0 && message.EntryCount > 0 && !_node.Peers[at].NeedsRound)
            {
                link.Writer.Cancel();
                return;
            }
            message.EntryCount = link.Writer.End();
            _host.OnLinkPending(link);
            _node.OnAppendSent(at, in message, bytes, now);
            if (outcome == Fill.Waiting) { return; }
        }
        // A reader that waits for the peer's window keeps its buffers; one that has nothing more to send must not, because
        // nobody may come by here again for a long time.
        bool isSent = _node.Peers[at].Next > _node.Log.LastIndex || _node.Peers[at].State != ProgressState.Replicate;
        if (isSent || (!_needsReader && !_node.TryPrepareAppend(at, now, out _))) { ReturnReader(peer); }
    }

    /// <summary>Gives back what a peer's reader holds, unless it is reading.</summary>
    private void ReturnReader(GroupPeer peer)
    {
        if (peer.CatchUp is not { IsBusy: false } reader) { return; }
        _host.ReturnReader(reader);
        peer.CatchUp = null;
    }

    private enum Fill : byte { Complete, FrameFull, Waiting }

    /// <summary>The last pass over the entries needed the device.</summary>
    private bool _needsReader;

    private Fill AddEntries(int at, in RaftMessage message, out int bytes)
    {
        bytes = 0;
        _needsReader = false;
        for (int i = 0; i < message.EntryCount; i++)
        {
            LogIndex index = message.Index + (ulong)i + 1;
            LogEntryBuffer? entry = FindEntry(at, index, out bool borrowed);
            if (entry == null) { return Fill.Waiting; }
            bool added = _peers[at].Link.Writer.TryAddEntry(new Term(entry.Term), (EntryKind)entry.Kind, entry.Header, entry.Crcs,
                entry.Payload, entry.PayloadOffset, entry.PayloadBytes);
            int size = entry.PayloadBytes + entry.Header.Length + EntryOverheadBytes;
            if (!borrowed) { entry.Clear(); }
            if (!added) { return Fill.FrameFull; }
            bytes += size;
        }
        return Fill.Complete;
    }

    /// <summary>An entry out of the log's memory or the reader's; null = it is being read, or cannot be.</summary>
    private LogEntryBuffer? FindEntry(int at, LogIndex index, out bool borrowed)
    {
        borrowed = false;
        GroupPeer peer = _peers[at];
        if (peer.CatchUp is { } reader && reader.TryGet(index, out LogEntryBuffer? read))
        {
            borrowed = true;
            _needsReader = true;
            return read;
        }
        Errno status = _host.DiskLog.TryReadCached(Id, index.Value, withPayload: true, _host.ReadBuffer);
        if (status == Errno.None) { return _host.ReadBuffer; }
        _needsReader = true;
        if (status == Errno.Again) { StartReading(at, index); } else { OnUnreadable(at, index, status); }
        return null;
    }

    private void StartReading(int at, LogIndex from)
    {
        GroupPeer peer = _peers[at];
        peer.CatchUp ??= _host.TryRentReader();
        if (peer.CatchUp is null) { _host.ReadLater(this); }
        if (peer.CatchUp is not { IsBusy: false } reader) { return; }
        ulong left = _node.Log.LastIndex - from + 1;
        int count = (int)ulong.Min(left, CatchUpReader.Depth);
        ReadAhead(peer, reader, from, count).Start();
    }

    private async ReactorTask ReadAhead(GroupPeer peer, CatchUpReader reader, LogIndex from, int count)
    {
        await reader.ReadAsync(_host.DiskLog, Id, from, count);
        int at = Array.IndexOf(_peers, peer); // it may be a member no more, or at another place
        if (_isClosed || at < 0 || !_node.IsLeader || !peer.IsReachable)
        {
            ReturnReader(peer);
            return;
        }
        if (!reader.TryGet(from, out _) && reader.Status != Errno.None)
        {
            Errno status = reader.Status;
            ReturnReader(peer);
            if (status == Errno.NoBuffers)
            {
                Reached.Mark("replication: no buffer to read back an entry");
                _host.ReadLater(this);
                return;
            }
            OnUnreadable(at, from, status);
        }
        TrySendAgain();
    }

    /// <summary>What could not be sent before may go now.</summary>
    internal void TrySendAgain()
    {
        if (_isClosed) { return; }
        _sendDue = true;
        _host.MarkReady(this);
    }

    /// <summary>The log cannot give an entry back: the follower needs the whole state.</summary>
    private void OnUnreadable(int at, LogIndex index, Errno status)
    {
        _host.Log.Warn($"group {Id}: entry {index} cannot be read for peer {_node.Peers[at].Id}: {status}");
        Effects effects = BeginStep();
        _node.OnEntriesUnavailable(at, _host.Reactor.NowNanos, effects);
        EndStep(effects);
    }
}

using System;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Raft;

namespace Fastblock.Roles.Replication;

// What comes from peers. Everything in here handles bytes from outside: nothing in a frame can trip an invariant.
internal sealed partial class RaftHost
{
    private readonly ReceivedEntry[] _entries = new ReceivedEntry[RaftLimits.MaxEntriesPerMessage];
    private readonly uint[] _left = new uint[HeartbeatReceiver.MaxLeft];
    private readonly byte[] _ackBytes = new byte[HeartbeatFrames.AckBytes + (4 * HeartbeatReceiver.MaxLeft)];

    /// <returns>False = malformed: the connection is to be closed.</returns>
    internal bool OnFrame(PeerLink link, IConnection connection, in Frame frame)
    {
        if (!IsStarted || Failure != Errno.None) { return true; }
        // Leases count from when a message was taken from the network: not from the iteration's start, which may lie before
        // a pause of the process.
        long now = Reactor.Clock.NowNanos;
        return frame.Type switch
        {
            FrameType.Raft => OnRaft(link, in frame, now),
            FrameType.Heartbeat => OnBeat(link, connection, frame.Body, now),
            FrameType.HeartbeatAck => OnBeatAck(link, frame.Body),
            _ => false,
        };
    }

    private bool OnRaft(PeerLink link, in Frame frame, long now)
    {
        if (!RaftFrameReader.TryOpen(frame.Body, frame.PayloadBytes, out RaftFrameReader reader)) { return false; }
        link.IsFull = reader.SenderIsFull;
        link.IsEnding = reader.SenderIsEnding;
        if (frame.PayloadBytes > 0 && frame.Payload == null) { return false; }
        while (!reader.IsAtEnd)
        {
            if (!reader.TryRead(out PgId id, out ulong incarnation, out RaftMessage message, _entries)) { return false; }
            // Unknown groups are normal: this node may lag behind the map, or have lost the group; it says nothing then.
            if (FindGroup(id) is not { } group || group.Config.Incarnation != incarnation) { continue; }
            message.From = link.Id;
            message.To = Options.Self;
            group.OnMessage(link, in message, _entries.AsSpan(0, message.EntryCount), in reader, frame.Payload, now);
        }
        return reader.IsComplete;
    }

    private bool OnBeat(PeerLink link, IConnection connection, ReadOnlySpan<byte> body, long now)
    {
        if (!HeartbeatFrames.TryRead(body, out HeartbeatBeat beat, _changes, out int count)) { return false; }
        HeartbeatAck ack = link.Receiver.OnBeat(in beat, _changes.AsSpan(0, count), now, link, _left, out int left) with { IsFull = IsStoreFull };
        int bytes = HeartbeatFrames.Write(_ackBytes, in ack, _left.AsSpan(0, left));
        HeartbeatFramesSent++;
        if (connection.TrySend(FrameType.HeartbeatAck, _ackBytes.AsSpan(0, bytes)) != Errno.None) { connection.Close(Errno.NoBuffers); }
        return true;
    }

    private bool OnBeatAck(PeerLink link, ReadOnlySpan<byte> body)
    {
        if (!HeartbeatFrames.TryRead(body, out HeartbeatAck ack, _left, out int left)) { return false; }
        link.IsFull = ack.IsFull;
        if (!link.Sender.OnAck(in ack, _left.AsSpan(0, left), link)) { return true; }
        foreach (RaftGroup group in _groups.Values)
        {
            if (group.HasPendingReads) { group.OnHeartbeatsAcked(); }
        }
        return true;
    }
}

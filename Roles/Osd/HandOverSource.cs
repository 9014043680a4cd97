using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

/// <summary>
/// Leader: hands the PG's state over to a follower that the log no longer reaches.
/// <para>The state is fixed at index S, the leader's applied index when it begins; the log is pinned from S on. Sent are the
/// sessions as of S, the list of all objects with their versions (so that deletions need no tombstones), and the objects
/// that the follower lacks, as they are when they are read: newer changes are in the log behind S, the follower meets
/// them again there and skips what an object already holds. The leader serves and applies meanwhile; one message is
/// under way at a time, which is also the throttle.</para>
/// <para>It may be cut off at any point: what the follower has got stays, and the next attempt sends only the rest.</para>
/// </summary>
internal sealed class HandOverSource : IConnectionHandler
{
    private const long AnswerNanos = 10 * Units.NanosPerSecond;

    private readonly OsdShard _shard;
    private readonly PgReplica _pg;
    private readonly NodeId _peer;
    private readonly Term _leaderTerm;
    private readonly ReactorSignal<bool> _up = new();
    private readonly ReactorSignal<Errno> _answered = new();
    private readonly AwaitedRead _reader;
    private uint[] _crcs = [];
    private readonly AnswerTimer _timer;
    private readonly byte[] _body = new byte[HandOverMessage.HeaderBytes + (HandOverMessage.MaxListItems * HandOverMessage.ListItemBytes)];
    private readonly byte[] _wanted = new byte[HandOverMessage.MaxListItems / 8];
    private IConnection? _connection;
    private bool _isClosed;
    private ulong _index;
    private ulong _term;
    private ulong _lastIndex;
    private ulong _purgeEpoch;
    private byte[] _base = [];

    public HandOverSource(OsdShard shard, PgReplica pg, NodeId peer)
    {
        (_shard, _pg, _peer) = (shard, pg, peer);
        _leaderTerm = pg.Group!.Term;
        _timer = new AnswerTimer(this);
        _reader = new AwaitedRead(shard.Objects);
    }

    /// <summary>Runs the whole hand-over.</summary>
    /// <returns>None = the follower holds everything up to the index that it ends with.</returns>
    public async ReactorTask<(Errno Status, LogIndex Index)> RunAsync()
    {
        Errno status = await ConnectAsync();
        if (status == Errno.None)
        {
            // Fixed now, in one go: index, term and sessions belong together.
            _index = _pg.Group!.Applied.Value;
            _lastIndex = _pg.Group.LastIndex.Value;
            _purgeEpoch = _pg.State.PurgeEpoch.Value;
            _term = _pg.Group.TryGetTerm(new LogIndex(_index), out Term term) ? term.Value : 0;
            bool isKnown = _pg.Group.TryDescribeBase(new LogIndex(_index), out GroupBase? description);
            status = isKnown && _term != 0 && _pg.Group.PinLog(new LogIndex(_index)) ? Errno.None : Errno.Busy;
            if (status == Errno.None)
            {
                _base = description!.EncodeForPeer(_pg.Group.MembersIndex);
                List<byte[]> sessions = PackSessions();
                status = await SendStateAsync(sessions);
                _pg.Group.UnpinLog();
            }
        }
        _connection?.Close(Errno.ShutDown);
        return (status, new LogIndex(_index));
    }

    private async ReactorTask<Errno> ConnectAsync()
    {
        if (!_shard.Map.TryGetOsd(new OsdId(_peer.Value), out OsdInfo? osd) || osd.ClusterAddress is null)
        {
            return Errno.NotFound;
        }
        Hello hello = new()
        {
            Role = PeerRole.Osd,
            NodeId = _shard.Identity.Id.Value,
            Shard = (ushort)_shard.Index,
            Cluster = _shard.Identity.Cluster,
            Instance = _shard.Identity.Device,
            Features = HandOverMessage.Feature,
        };
        _connection = _shard.Transport.Connect(osd.ClusterAddress, in hello, this);
        return await _up ? Errno.None : Errno.NotConnected;
    }

    private async ReactorTask<Errno> SendStateAsync(List<byte[]> sessions)
    {
        Errno status = await AskAsync(HandOverOp.Begin, 0, 0, _base);
        if (status == Errno.Exists) { return Errno.None; } // its log reaches the index after all
        foreach (byte[] page in sessions)
        {
            if (status == Errno.None) { status = await AskAsync(HandOverOp.Sessions, 0, 0, page); }
        }
        if (status == Errno.None) { status = await SendObjectsAsync(); }
        return status == Errno.None ? await AskAsync(HandOverOp.End, 0, 0, []) : status;
    }

    /// <summary>Sessions in pages of one message each: a length byte pair, then the stored form.</summary>
    private List<byte[]> PackSessions()
    {
        List<byte[]> pages = [];
        byte[] page = new byte[NetLimits.MaxBodyBytes / 2];
        int used = 0;
        foreach (ImageSession session in _pg.State.Images)
        {
            if (page.Length - used < ImageSession.MaxStoredBytes + sizeof(ushort))
            {
                pages.Add(page[..used]);
                used = 0;
            }
            int length = session.Store(page.AsSpan(used + sizeof(ushort)), _index);
            BitConverter.TryWriteBytes(page.AsSpan(used), (ushort)length);
            used += sizeof(ushort) + length;
        }
        if (used > 0) { pages.Add(page[..used]); }
        return pages;
    }

    private async ReactorTask<Errno> SendObjectsAsync()
    {
        ObjectVersion[] page = new ObjectVersion[HandOverMessage.MaxListItems];
        ObjectId? after = null;
        while (true)
        {
            int count = _shard.Objects.List(_pg.Id, after, page);
            bool more = count == page.Length;
            byte[] items = new byte[count * HandOverMessage.ListItemBytes];
            PackList(page.AsSpan(0, count), items);
            Errno status = await AskAsync(HandOverOp.Objects, more ? HandOverMessage.More : (byte)0, (ushort)count, items);
            byte[] wanted = [.. _wanted]; // the next answer overwrites it
            for (int i = 0; status == Errno.None && i < count; i++)
            {
                bool isWanted = (wanted[i / 8] & (1 << (i % 8))) != 0;
                if (isWanted) { status = await SendObjectAsync(page[i].Object, page[i].Version); }
            }
            if (status != Errno.None || !more) { return status; }
            after = page[count - 1].Object;
        }
    }

    private static void PackList(ReadOnlySpan<ObjectVersion> page, Span<byte> items)
    {
        WireWriter writer = new(items);
        foreach (ObjectVersion line in page)
        {
            writer.U64(line.Object.Image.Value);
            writer.U32(line.Object.Index);
            writer.U64(line.Version);
        }
    }

    /// <summary>The version is that of the first part: what changed while the parts were read is in the log behind it.</summary>
    /// <param name="listed">The version in the list.</param>
    private async ReactorTask<Errno> SendObjectAsync(ObjectId target, ulong listed)
    {
        ulong[] map = new ulong[(_pg.BlocksPerObject + 63) / 64];
        ulong version = _shard.Objects.GetBlockMap(_pg.Id, target, map);
        // Gone since it was listed: emptied before that and now forgotten, or purged, which the log will bring. Nothing else may
        // stay there than an empty object: the log behind the state does not know of the former.
        if (version == 0) { version = listed; }
        int from = 0;
        bool isFirst = true;
        while (true)
        {
            (int start, int count) = NextRun(map, from, _pg.BlocksPerObject);
            bool more = count > 0 && NextRun(map, start + count, _pg.BlocksPerObject).Count > 0;
            if (count == 0 && !isFirst) { return Errno.None; }
            PooledBuffer? buffer = null;
            if (count > 0)
            {
                buffer = _shard.Reactor.Buffers.TryRent(count * Units.BlockBytes, BufferUse.ReadBack);
                if (buffer is null)
                {
                    await _shard.Reactor.Delay(Units.NanosPerMilli);
                    continue;
                }
                Errno read = await ReadAsync(target, start, count, buffer);
                if (read != Errno.None)
                {
                    buffer.Release();
                    return read;
                }
            }
            Errno status = await SendBlocksAsync(target, version, start, count, more, buffer);
            buffer?.Release();
            if (status != Errno.None || !more) { return status; }
            (from, isFirst) = (start + count, false);
        }
    }

    /// <summary>A damaged block comes from another replica. One that nobody has ends the hand-over: the follower is better off with what it
    /// has than with a state that counts as complete and is not.</summary>
    private async ReactorTask<Errno> ReadAsync(ObjectId target, int start, int count, PooledBuffer buffer)
    {
        if (_crcs.Length < count) { _crcs = new uint[count]; }
        Errno status = await _reader.RunAsync(_pg.Id, target, start, count, buffer);
        if (status == Errno.None) { _reader.Crcs.CopyTo(_crcs); }
        else { status = await _pg.ReadAroundDamageAsync(target, start, count, buffer, 0, _crcs); }
        return status;
    }

    /// <summary>The next blocks that hold data, at most one payload of them.</summary>
    private static (int Start, int Count) NextRun(ReadOnlySpan<ulong> map, int from, int end)
    {
        while (from < end && (map[from / 64] >> (from % 64) & 1) == 0) { from++; }
        int start = from;
        while (from < end && from - start < DataLimits.MaxBlocks && (map[from / 64] >> (from % 64) & 1) != 0) { from++; }
        return (start, from - start);
    }

    private ReactorTask<Errno> SendBlocksAsync(
        ObjectId target, ulong version, int start, int count, bool more, PooledBuffer? buffer)
    {
        HandOverMessage message = MessageOf(HandOverOp.Data, more ? HandOverMessage.More : (byte)0, (ushort)count);
        message.Object = target;
        message.Version = version;
        message.FirstBlock = start;
        message.Items = count > 0 ? MemoryMarshal.AsBytes(_crcs.AsSpan(0, count)) : default;
        int length = message.Write(_body);
        return SendAsync(length, buffer, count * Units.BlockBytes);
    }

    private ReactorTask<Errno> AskAsync(HandOverOp op, byte flags, ushort count, byte[] items)
    {
        HandOverMessage message = MessageOf(op, flags, count);
        message.Items = items;
        if (op == HandOverOp.Begin) { (message.Version, message.PurgeEpoch) = (_lastIndex, _purgeEpoch); }
        int length = message.Write(_body);
        return SendAsync(length, null, 0);
    }

    private HandOverMessage MessageOf(HandOverOp op, byte flags, ushort count) => new()
    {
        Op = op,
        Flags = flags,
        Count = count,
        Pg = _pg.Id,
        Incarnation = _pg.Group!.Config.Incarnation,
        Index = _index,
        Term = _term,
    };

    private async ReactorTask<Errno> SendAsync(int length, PooledBuffer? payload, int payloadBytes)
    {
        if (_isClosed || !_pg.Group!.IsLeader || _pg.Group.Term != _leaderTerm) { return Errno.Stale; }
        _answered.Reset();
        Errno sent = TrySend(length, payload, payloadBytes);
        if (sent != Errno.None) { return sent; }
        _shard.Reactor.Arm(_timer, _shard.Reactor.NowNanos + AnswerNanos);
        Errno status = await _answered;
        _shard.Reactor.Disarm(_timer);
        return status;
    }

    private Errno TrySend(int length, PooledBuffer? payload, int payloadBytes)
    {
        if (payload is null) { return _connection!.TrySend(FrameType.RecoveryRequest, _body.AsSpan(0, length)); }
        PayloadPart part = new(payload, 0, payloadBytes);
        return _connection!.TrySend(FrameType.RecoveryRequest, _body.AsSpan(0, length),
            MemoryMarshal.CreateReadOnlySpan(ref part, 1));
    }

    public void OnUp(IConnection connection) => _up.Set(true);

    public void OnFrame(IConnection connection, in Frame frame)
    {
        if (frame.Type != FrameType.RecoveryReply || !HandOverAnswer.TryRead(frame.Body, out HandOverAnswer answer)
            || answer.Pg != _pg.Id || _answered.IsSet)
        {
            connection.Close(Errno.Protocol);
            return;
        }
        Array.Clear(_wanted);
        answer.Wanted.CopyTo(_wanted);
        _answered.Set(answer.Status);
    }

    public void OnClosed(IConnection connection, Errno reason, string detail)
    {
        _isClosed = true;
        if (!_up.IsSet) { _up.Set(false); }
        if (!_answered.IsSet) { _answered.Set(Errno.NotConnected); }
    }

    private sealed class AnswerTimer(HandOverSource source) : TimerEntry
    {
        public override void OnTimer(long nowNanos) => source._connection?.Close(Errno.TimedOut);
    }
}

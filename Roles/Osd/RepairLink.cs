using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;

namespace Fastblock.Roles.Osd;

/// <summary>The way to one peer for questions about damaged blocks and scrubs. Connects when there is something to ask; many
/// questions may be under way.</summary>
internal sealed class RepairLink(OsdShard shard, OsdId peer) : IConnectionHandler
{
    /// <summary>A peer that is alive answers within this time, or says that it cannot now.</summary>
    private const long AnswerNanos = Units.NanosPerSecond;

    private readonly SortedDictionary<uint, RepairCall> _calls = [];
    private IConnection? _connection;
    private uint _lastTag;

    /// <summary>Asks. The answer is in the call; its payload is the caller's to release.</summary>
    public async ReactorTask<(Errno Status, RepairCall Call)> AskAsync(RepairMessage message)
    {
        RepairCall call = new(this, message with { Tag = ++_lastTag });
        _calls.Add(call.Message.Tag, call);
        shard.Reactor.Arm(call, shard.Reactor.NowNanos + AnswerNanos);
        if (_connection is null) { Connect(); }
        else if (_connection.IsUp) { Send(call); }
        Errno status = await call.Done;
        return (status, call);
    }

    public void OnTimedOut(RepairCall call)
    {
        // Perhaps it is a connection to nobody: the next question takes a new one.
        IConnection? connection = _connection;
        _connection = null;
        Finish(call, Errno.TimedOut);
        connection?.Close(Errno.TimedOut);
    }

    public void OnUp(IConnection connection)
    {
        foreach (RepairCall call in new List<RepairCall>(_calls.Values)) { Send(call); }
    }

    public void OnFrame(IConnection connection, in Frame frame)
    {
        if (frame.Type != FrameType.RepairReply || !RepairAnswer.TryRead(frame.Body, frame.PayloadBytes, out RepairAnswer answer))
        {
            connection.Close(Errno.Protocol);
            return;
        }
        if (!_calls.TryGetValue(answer.Tag, out RepairCall? call) || answer.Op != call.Message.Op) { return; } // given up meanwhile
        (call.Crc, call.Version) = (answer.Crc, answer.Version);
        call.Items = answer.Items.ToArray();
        if (frame.PayloadBytes > 0)
        {
            frame.Payload!.Retain();
            call.Payload = frame.Payload;
        }
        Finish(call, answer.Status);
    }

    public void OnClosed(IConnection connection, Errno reason, string detail)
    {
        if (connection == _connection) { _connection = null; }
        else if (_connection is not null) { return; } // of one before
        foreach (RepairCall call in new List<RepairCall>(_calls.Values)) { Finish(call, Errno.NotConnected); }
    }

    private void Connect()
    {
        if (!shard.Map.TryGetOsd(peer, out OsdInfo? osd) || osd.ClusterAddress is null) { return; } // the time runs out
        Hello hello = new()
        {
            Role = PeerRole.Osd,
            NodeId = shard.Identity.Id.Value,
            Shard = (ushort)shard.Index,
            Cluster = shard.Identity.Cluster,
            Instance = shard.Identity.Device,
            Features = RepairMessage.Feature,
        };
        _connection = shard.Transport.Connect(osd.ClusterAddress, in hello, this);
    }

    private void Send(RepairCall call)
    {
        Span<byte> body = stackalloc byte[RepairMessage.SizeBytes];
        call.Message.Write(body);
        _ = _connection!.TrySend(FrameType.RepairRequest, body); // what is not sent is not answered
    }

    private void Finish(RepairCall call, Errno status)
    {
        if (!_calls.Remove(call.Message.Tag)) { return; }
        shard.Reactor.Disarm(call);
        call.Done.Set(status);
    }
}

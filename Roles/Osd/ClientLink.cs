using System;
using System.Runtime.InteropServices;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Osd;

/// <summary>The connection of one client to one shard: takes its requests and carries the answers. An operation may outlive
/// it; then its answer goes nowhere, and the client asks again over another connection.</summary>
internal sealed class ClientLink(OsdShard shard, IConnection connection) : IConnectionHandler
{
    public bool IsClosed { get; private set; }

    public void OnUp(IConnection connection) { }

    public void OnFrame(IConnection connection, in Frame frame)
    {
        if (frame.Type == FrameType.Control)
        {
            shard.OnClientControl(connection, in frame);
            return;
        }
        if (frame.Type != FrameType.DataRequest
            || !DataRequest.TryRead(frame.Body, frame.PayloadBytes, out DataRequest request))
        {
            connection.Close(Errno.Protocol);
            return;
        }
        shard.OnDataRequest(this, in request, frame.Payload);
    }

    public void OnClosed(IConnection connection, Errno reason, string detail)
    {
        IsClosed = true;
        shard.OnClientClosed(this);
    }

    public void Close() => connection.Close(Errno.ShutDown);

    /// <summary>Sends an answer without data.</summary>
    public void Answer(in DataReply reply)
    {
        if (IsClosed) { return; }
        Span<byte> body = stackalloc byte[DataReply.HeaderBytes + DataLimits.MaxMapBytes];
        Send(body[..reply.Write(body)], default);
    }

    /// <summary>Sends an answer with data; the buffer is retained until it is sent.</summary>
    public void Answer(in DataReply reply, PooledBuffer payload, int payloadBytes)
    {
        if (IsClosed) { return; }
        Span<byte> body = stackalloc byte[DataReply.HeaderBytes + (DataLimits.MaxBlocks * sizeof(uint))];
        PayloadPart part = new(payload, 0, payloadBytes);
        Send(body[..reply.Write(body)], MemoryMarshal.CreateReadOnlySpan(ref part, 1));
    }

    /// <summary>A client that does not drain its answers is cut off: it asks again when it is able to listen.</summary>
    private void Send(ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload)
    {
        if (connection.TrySend(FrameType.DataReply, body, payload) != Errno.None) { connection.Close(Errno.NoBuffers); }
    }
}

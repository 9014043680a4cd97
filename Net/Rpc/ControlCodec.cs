using System;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;
using Google.Protobuf;

namespace Fastblock.Net.Rpc;

/// <summary>Control messages in frames.</summary>
internal static class ControlCodec
{
    /// <summary>Sends one message.</summary>
    /// <returns>As <see cref="IConnection.TrySend"/>; NoBuffers when it is larger than a control frame may be.</returns>
    public static Errno TrySend(IConnection connection, ControlMessage message)
    {
        int size = message.CalculateSize();
        if (size > NetLimits.MaxControlBytes) { return Errno.NoBuffers; }
        byte[] bytes = new byte[size];
        message.WriteTo(bytes.AsSpan());
        return connection.TrySend(FrameType.Control, bytes);
    }

    public static Errno TrySendRequest(IConnection connection, ulong id, ControlRequest request) =>
        TrySend(connection, new ControlMessage { Id = id, Request = request });

    public static Errno TrySendReply(IConnection connection, ulong id, ControlReply reply) =>
        TrySend(connection, new ControlMessage { Id = id, Reply = reply });

    public static Errno TrySendPush(IConnection connection, ulong id, ControlPush push) =>
        TrySend(connection, new ControlMessage { Id = id, Push = push });

    /// <returns>False when the body is no control message with an id and a body: close the connection.</returns>
    public static bool TryParse(ReadOnlySpan<byte> body, out ControlMessage message) =>
        ProtoReader.TryParse(ControlMessage.Parser, body, out message)
        && message.Id != 0 && message.BodyCase != ControlMessage.BodyOneofCase.None;

    /// <summary>A reply without a result.</summary>
    public static ControlReply Reply(ControlStatus status, string text = "") => new() { Status = status, Text = text };
}

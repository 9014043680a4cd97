using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;

namespace Fastblock.Net.Rpc;

/// <summary>The answering end of one connection on the control plane. A peer that sends anything but requests, or goes on
/// after too many unanswered ones, loses its connection or is told Again.</summary>
internal sealed class ControlSession(IControlService service, IConnection connection) : IConnectionHandler
{
    private int _unanswered;

    public IConnection Connection { get; } = connection;

    /// <summary>Free for the service.</summary>
    public object? Tag { get; set; }

    public bool IsUp { get; private set; } = connection.IsUp;

    public void OnUp(IConnection connection) => IsUp = true;

    public void OnFrame(IConnection connection, in Frame frame)
    {
        if (frame.Type is not FrameType.Control || !ControlCodec.TryParse(frame.Body, out ControlMessage message)
            || message.BodyCase is not ControlMessage.BodyOneofCase.Request)
        {
            connection.Close(Errno.Protocol);
            return;
        }
        _unanswered++;
        if (_unanswered > RpcLimits.MaxOutstanding)
        {
            Reply(message.Id, ControlCodec.Reply(ControlStatus.StatusAgain, "too many requests on one connection"));
            return;
        }
        service.OnRequest(this, message.Id, message.Request);
    }

    public void OnClosed(IConnection connection, Errno reason, string detail)
    {
        IsUp = false;
        service.OnSessionClosed(this);
    }

    /// <summary>Answers a request. When the peer is gone nothing happens; when its queue is full the connection is closed,
    /// because an answer must not be lost silently.</summary>
    public void Reply(ulong id, ControlReply reply)
    {
        _unanswered--;
        if (!IsUp) { return; }
        Errno sent = ControlCodec.TrySendReply(Connection, id, reply);
        if (sent is not Errno.None) { Connection.Close(sent); }
    }

    /// <returns>False when the peer is too slow at present: try again later, with what has become of it by then.</returns>
    public bool TryPush(ulong id, ControlPush push)
    {
        if (!IsUp || Connection.QueuedBytes > RpcLimits.MaxPushQueueBytes) { return false; }
        return ControlCodec.TrySendPush(Connection, id, push) is Errno.None;
    }
}

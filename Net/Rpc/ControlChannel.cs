using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Transport;

namespace Fastblock.Net.Rpc;

/// <summary>The requesting end of one connection on the control plane: numbers requests, matches replies, keeps deadlines.
/// Several requests may be in flight; replies come in any order. It is used for one connection only: after its end the
/// owner makes a new one.</summary>
internal sealed class ControlChannel : IConnectionHandler
{
    private readonly Reactor _reactor;
    private readonly IControlChannelOwner _owner;
    private readonly Dictionary<ulong, PendingCall> _pending = []; // looked up; iterated in order of ids only
    private readonly IConnection _connection;
    private ulong _nextId = 1;
    private bool _closed;

    /// <summary>Starts to connect; the owner hears of the outcome.</summary>
    public ControlChannel(Reactor reactor, ITransport transport, NetAddress address, in Hello hello, IControlChannelOwner owner)
    {
        _reactor = reactor;
        _owner = owner;
        Address = address;
        _connection = transport.Connect(address, in hello, this);
    }

    public NetAddress Address { get; }

    public bool IsUp => !_closed && _connection.IsUp;

    /// <summary>What the other end said of itself; default until up.</summary>
    public Hello PeerHello => _connection.PeerHello;

    /// <summary>Asks and waits. Never throws: what went wrong is a status made here (Timeout, NoConnection, Again).</summary>
    /// <param name="deadlineNanos">On the reactor's clock. After it the outcome is unknown.</param>
    public ReactorTask<ControlReply> RequestAsync(ControlRequest request, long deadlineNanos) =>
        RequestAsync(request, deadlineNanos, out _);

    /// <inheritdoc cref="RequestAsync(ControlRequest, long)"/>
    /// <param name="id">The number it got, which pushes that it causes will carry; 0 when it could not be sent.</param>
    public ReactorTask<ControlReply> RequestAsync(ControlRequest request, long deadlineNanos, out ulong id)
    {
        id = 0;
        if (!IsUp) { return Answered(ControlStatus.StatusNoConnection, "not connected"); }
        if (_pending.Count >= RpcLimits.MaxOutstanding) { return Answered(ControlStatus.StatusAgain, "too many requests"); }
        ulong number = _nextId;
        Errno sent = ControlCodec.TrySendRequest(_connection, number, request);
        if (sent is not Errno.None) { return Answered(ControlStatus.StatusAgain, "the connection is congested"); }
        _nextId++;
        id = number;
        PendingCall call = new(this, number);
        _pending.Add(number, call);
        _reactor.Arm(call, deadlineNanos);
        return WaitAsync(call);
    }

    /// <summary>Ends the connection; the owner gets OnChannelClosed.</summary>
    public void Close(Errno reason) => _connection.Close(reason);

    void IConnectionHandler.OnUp(IConnection connection) => _owner.OnChannelUp(this);

    void IConnectionHandler.OnFrame(IConnection connection, in Frame frame)
    {
        if (frame.Type is not FrameType.Control || !ControlCodec.TryParse(frame.Body, out ControlMessage message))
        {
            connection.Close(Errno.Protocol);
            return;
        }
        switch (message.BodyCase)
        {
            case ControlMessage.BodyOneofCase.Reply:
                // An unknown id is the answer to a request whose deadline has passed.
                if (_pending.TryGetValue(message.Id, out PendingCall? call)) { Finish(call, message.Reply); }
                break;
            case ControlMessage.BodyOneofCase.Push:
                _owner.OnPush(this, message.Id, message.Push);
                break;
            default:
                connection.Close(Errno.Protocol); // nobody asks this end anything
                break;
        }
    }

    void IConnectionHandler.OnClosed(IConnection connection, Errno reason, string detail)
    {
        _closed = true;
        for (ulong id = 1; id < _nextId && _pending.Count > 0; id++)
        {
            if (!_pending.TryGetValue(id, out PendingCall? call)) { continue; }
            Finish(call, ControlCodec.Reply(ControlStatus.StatusNoConnection, $"the connection was lost ({reason})"));
        }
        _owner.OnChannelClosed(this, reason, detail);
    }

    private void OnDeadline(PendingCall call) =>
        Finish(call, ControlCodec.Reply(ControlStatus.StatusTimeout, "no answer in time"));

    private void Finish(PendingCall call, ControlReply reply)
    {
        _ = _pending.Remove(call.Id);
        _reactor.Disarm(call);
        call.Signal.Set(reply);
    }

    private static async ReactorTask<ControlReply> WaitAsync(PendingCall call) => await call.Signal;

    private static async ReactorTask<ControlReply> Answered(ControlStatus status, string text)
    {
        await ReactorTask.Completed;
        return ControlCodec.Reply(status, text);
    }

    /// <summary>One request in flight; its timer is its deadline.</summary>
    private sealed class PendingCall(ControlChannel channel, ulong id) : TimerEntry
    {
        public ulong Id { get; } = id;
        public ReactorSignal<ControlReply> Signal { get; } = new();

        public override void OnTimer(long nowNanos) => channel.OnDeadline(this);
    }
}

using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Client;

/// <summary>One question to one server that is not a monitor, over a connection of its own.</summary>
internal sealed class OsdCall : IControlChannelOwner
{
    private readonly ReactorSignal<bool> _settled = new();
    private string _whyNot = "";

    private OsdCall() { }

    /// <summary>Connects, asks once and closes. Never throws: what went wrong is a status made here.</summary>
    /// <param name="shard">Of an OSD: who answers.</param>
    /// <param name="timeoutNanos">When less than what is left of the command's time.</param>
    public static async ReactorTask<ControlReply> AskAsync(ClusterSession session, NetAddress address, ControlRequest request,
        ushort shard = 0, long timeoutNanos = long.MaxValue)
    {
        long deadline = session.Reactor.Clock.NowNanos + System.Math.Min(timeoutNanos, session.LeftNanos);
        OsdCall call = new();
        ControlChannel channel = new(session.Reactor, session.Transport, address, new Hello
        {
            Role = PeerRole.Client,
            Shard = shard,
            Cluster = session.Mon.Map.Cluster?.Uuid ?? System.Guid.Empty,
            Instance = session.Instance,
        }, call);
        CallbackTimer timer = new(_ => call.Settle(false, "it did not answer in time"));
        session.Reactor.Arm(timer, deadline);
        bool isUp = await call._settled;
        session.Reactor.Disarm(timer);
        ControlReply reply = isUp ? await channel.RequestAsync(request, deadline)
            : ControlCodec.Reply(ControlStatus.StatusNoConnection, $"{address}: {call._whyNot}");
        channel.Close(Errno.ShutDown);
        return reply;
    }

    void IControlChannelOwner.OnChannelUp(ControlChannel channel) => Settle(true, "");

    void IControlChannelOwner.OnChannelClosed(ControlChannel channel, Errno reason, string detail) =>
        Settle(false, detail.Length > 0 ? detail : Config.ErrnoText.Of(reason));

    void IControlChannelOwner.OnPush(ControlChannel channel, ulong id, ControlPush push) { }

    private void Settle(bool isUp, string whyNot)
    {
        if (_settled.IsSet) { return; }
        _whyNot = whyNot;
        _settled.Set(isUp);
    }
}

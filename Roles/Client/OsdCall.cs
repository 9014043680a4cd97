using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Net.Transport;
using Fastblock.Roles.Cluster;

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
        long deadline = session.Reactor.Clock.NowNanos + Math.Min(timeoutNanos, session.LeftNanos);
        OsdCall call = new();
        ControlChannel channel = new(session.Reactor, session.Transport, address, new Hello
        {
            Role = PeerRole.Client,
            Shard = shard,
            Cluster = session.Mon.Map.Cluster?.Uuid ?? Guid.Empty,
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

    /// <summary>Asks every shard of the OSDs that are up now, one after the other.</summary>
    /// <param name="onReply">Gets each reply; false = the others need not be asked.</param>
    /// <param name="timeoutNanos">For each.</param>
    public static async ReactorTask AskAllAsync(
        ClusterSession session, ControlRequest request, Func<ControlReply, bool> onReply, long timeoutNanos = long.MaxValue)
    {
        List<OsdInfo> osds = [.. session.Mon.Map.Osds]; // the map goes on changing while we wait for answers
        foreach (OsdInfo osd in osds)
        {
            if (!osd.Up || osd.PublicAddress is null) { continue; }
            for (int shard = 0; shard < osd.Shards; shard++)
            {
                // One that does not answer leaves time for the others.
                long patience = Math.Min(timeoutNanos, session.LeftNanos / 2);
                if (!onReply(await AskAsync(session, osd.PublicAddress, request, (ushort)shard, patience))) { return; }
            }
        }
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

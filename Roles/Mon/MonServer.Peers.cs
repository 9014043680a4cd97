using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Net.Transport;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Replication;

namespace Fastblock.Roles.Mon;

/// <summary>
/// Founding: how the monitors' group comes into being once, and never again by accident.
/// <para>`mon mkfs` gives a monitor its id, the addresses of all and a new, random uuid of its store. A voter is (id, uuid of the
/// store), so before a monitor makes its replica it must know the uuids of all members: at the first start it asks each of
/// the others. When it has learned them all it writes them down, then makes the replica; from then on they are settled.
/// A monitor that was emptied and made again has a new uuid, which is not the one that the others have settled on: they
/// say so, and it stays out instead of voting with an empty memory.</para>
/// </summary>
internal sealed partial class MonServer : IControlChannelOwner
{
    private const long JoinRetryNanos = 200 * Units.NanosPerMilli;

    /// <summary>All members' stores are known and written down.</summary>
    private bool IsSettled
    {
        get
        {
            foreach (MonIdentityMember member in _identity.Members)
            {
                if (member.StoreUuid.Length != 16) { return false; }
            }
            return true;
        }
    }

    private async ReactorTask FoundAsync()
    {
        Learn(_identity.MonId, _instance);
        bool told = false;
        while (_running && !IsSettled)
        {
            foreach (MonIdentityMember member in _identity.Members.Clone())
            {
                if (member.StoreUuid.Length == 16 || !NetAddress.TryParse(member.Address, 0, out NetAddress? address)) { continue; }
                string? wrong = await AskMemberAsync(address);
                if (wrong is not null && !told)
                {
                    told = true;
                    _log.Error(wrong);
                }
            }
            if (!IsSettled) { await _reactor.Delay(JoinRetryNanos); }
        }
        if (!_running) { return; }
        DurableSignal written = new();
        if (_disk.WriteIdentity(_identity, written, out ulong sequence) is not Errno.None)
        {
            _log.Error("cannot write the members down: the device takes no writes");
            return;
        }
        written.Sequence = sequence;
        Errno status = await written.Signal;
        if (status is not Errno.None || !_running) { return; }
        List<GroupMember> voters = [];
        foreach (MonIdentityMember member in _identity.Members)
        {
            voters.Add(new GroupMember(new NodeId(member.Id), new Guid(member.StoreUuid.Span, bigEndian: true)));
        }
        RecallRoster(); // with the stores
        SetPeers();
        GroupConfig config = new() { Incarnation = Incarnation, Voters = [.. voters] };
        status = _host!.CreateGroup(GroupId, config, this, null, out _group);
        if (status is not Errno.None) { _log.Error($"cannot make the monitors' group: {status}"); }
    }

    /// <returns>Null, or why this monitor can never become a member.</returns>
    private async ReactorTask<string?> AskMemberAsync(NetAddress address)
    {
        ControlReply reply = await AskPeerOnceAsync(address, JoinRequest(), _reactor.NowNanos + Units.NanosPerSecond);
        if (reply.Status is not ControlStatus.StatusOk || reply.MonJoinResult is null)
        {
            return reply.Status is ControlStatus.StatusPermission ? reply.Text : null;
        }
        foreach (MonJoinMember member in reply.MonJoinResult.Members)
        {
            if (UuidBytes.TryRead(member.StoreUuid, out Guid store) && store != Guid.Empty) { Learn(member.Id, store); }
        }
        return null;
    }

    private void OnMonJoin(ControlSession session, ulong id, MonJoinRequest request)
    {
        if (session.Connection.PeerHello.Role is not PeerRole.Mon
            || !UuidBytes.TryRead(request.StoreUuid, out Guid store) || store == Guid.Empty)
        {
            session.Reply(id, ControlCodec.Reply(ControlStatus.StatusPermission, "only monitors may ask this"));
            return;
        }
        MonInfo? asking = _roster.Find(request.Id);
        Guid known = StoreOf(request.Id);
        string wrong = asking is null ? $"mon.{request.Id} is not a monitor of this cluster"
            : known == Guid.Empty || known == store ? ""
            : $"mon.{request.Id} is known with store {known}, this one is {store}: a monitor that lost its store cannot "
                + "come back under its old id; make a new one with 'fastblock mon add', and remove the old one with 'fastblock mon rm'";
        ControlReply reply = wrong.Length == 0 ? new ControlReply() : ControlCodec.Reply(ControlStatus.StatusPermission, wrong);
        reply.MonJoinResult = new MonJoinResult { Settled = _group is not null, Revision = _roster.Revision };
        if (_roster.Revision > 0)
        {
            foreach (MonInfo mon in _roster.Mons) { reply.MonJoinResult.Mons.Add(mon.ToRecord()); }
        }
        foreach (MonIdentityMember member in _identity.Members)
        {
            reply.MonJoinResult.Members.Add(new MonJoinMember { Id = member.Id, StoreUuid = member.StoreUuid });
        }
        session.Reply(id, reply);
    }

    /// <summary>Keeps the uuid of a member's store, if none is known yet.</summary>
    private void Learn(uint mon, Guid store)
    {
        foreach (MonIdentityMember member in _identity.Members)
        {
            if (member.Id == mon && member.StoreUuid.Length == 0) { member.StoreUuid = UuidBytes.ToBytes(store); }
        }
    }

    private Guid StoreOf(uint mon)
    {
        if (_roster.Find(mon) is { } info && info.Store != Guid.Empty) { return info.Store; }
        foreach (MonIdentityMember member in _identity.Members)
        {
            if (member.Id == mon && UuidBytes.TryRead(member.StoreUuid, out Guid store)) { return store; }
        }
        return Guid.Empty;
    }

    private void SetPeers()
    {
        foreach (MonInfo mon in _roster.Mons)
        {
            if (mon.Id != Id) { _host!.SetPeerAddress(new NodeId(mon.Id.Value), mon.Address, StoreOf(mon.Id.Value)); }
        }
    }

    /// <summary>One question over a connection of its own.</summary>
    private async ReactorTask<ControlReply> AskPeerOnceAsync(NetAddress address, ControlRequest request, long deadline)
    {
        ControlChannel channel = OpenPeerChannel(address);
        PeerLine line = new();
        _lines.Add((channel, line));
        _reactor.Arm(line, deadline);
        bool up = await line.Up;
        ControlReply reply = up ? await channel.RequestAsync(request, deadline)
            : ControlCodec.Reply(line.Detail.Length > 0 ? ControlStatus.StatusFailed : ControlStatus.StatusNoConnection, line.Detail);
        channel.Close(Errno.ShutDown);
        return reply;
    }

    private ControlChannel OpenPeerChannel(NetAddress address) => new(_reactor, _transport, address, new Hello
    {
        Role = PeerRole.Mon,
        NodeId = _identity.MonId,
        Shard = PeerControlShard,
        Cluster = _cluster,
        Instance = _instance,
    }, this);

    // ---- events of the connections that this monitor opens ----

    private readonly List<(ControlChannel Channel, PeerLine Line)> _lines = [];

    void IControlChannelOwner.OnChannelUp(ControlChannel channel) => LineOf(channel)?.Settle(true, _reactor, "");

    void IControlChannelOwner.OnPush(ControlChannel channel, ulong id, ControlPush push) { }

    void IControlChannelOwner.OnChannelClosed(ControlChannel channel, Errno reason, string detail)
    {
        PeerLine? line = LineOf(channel);
        _ = _lines.RemoveAll(entry => entry.Channel == channel);
        line?.Settle(false, _reactor, detail);
    }

    private PeerLine? LineOf(ControlChannel channel)
    {
        foreach ((ControlChannel Channel, PeerLine Line) entry in _lines)
        {
            if (entry.Channel == channel) { return entry.Line; }
        }
        return null;
    }

    /// <summary>Whether a connection came up; its timer is the time by which it must.</summary>
    private sealed class PeerLine : TimerEntry
    {
        public ReactorSignal<bool> Up { get; } = new();
        public string Detail { get; private set; } = "";

        public void Settle(bool up, Reactor reactor, string detail)
        {
            reactor.Disarm(this);
            if (Up.IsSet) { return; }
            Detail = detail;
            Up.Set(up);
        }

        public override void OnTimer(long nowNanos)
        {
            if (!Up.IsSet) { Up.Set(false); }
        }
    }
}

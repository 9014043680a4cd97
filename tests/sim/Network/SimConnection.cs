using System;
using System.Buffers;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Network;

/// <summary>
/// One end of a simulated connection. What an end sends goes through three places:
/// <code>
///   TrySend -> _queue (sender's memory, counted by QueuedBytes) -> _wire (bytes copied, buffers given back) -> receiver's loop
/// </code>
/// The wire holds at most a window of bytes, so a receiver that does not take its frames makes the sender's queue grow
/// until TrySend says Again. A cut direction keeps frames on the wire, as TCP would by repeating them; the silence ends the
/// connection when it lasts too long, and each end notices that by itself.
/// </summary>
internal sealed class SimConnection : IConnection
{
    private sealed class ArrivalEvent(SimConnection to) : SimEvent
    {
        public override void Run() => to.OnArrivalEvent(this);
    }

    private sealed class ArrivalNews(SimConnection to) : ISimCompletion
    {
        public void Deliver() => to.TakeArrived();
    }

    private sealed class CallNews(Action call) : ISimCompletion
    {
        public void Deliver() => call();
    }

    private readonly SimTransport _transport;
    private readonly SimNetwork _network;
    private readonly SimWorld _world;
    private readonly long _number;
    private readonly ArrivalNews _arrivalNews;

    private readonly Queue<SimFrame> _queue = new(); // sent here, not yet on the wire
    private readonly Queue<SimFrame> _wire = new();  // on the way to this end, first to arrive first
    private IConnectionHandler? _handler;
    private SimConnection? _peer;
    private ArrivalEvent? _arrival;
    private readonly Hello _ownHello;
    private Hello _peerHello;
    private int _wireBytes;
    private long _lastDueAt;
    private long _lastHeardAt;
    private bool _newsPending;
    private bool _isDead; // its process has ended

    public SimConnection(SimTransport transport, in Hello ownHello, IConnectionHandler? handler)
    {
        _transport = transport;
        _network = transport.Network;
        _world = transport.Seat.Process.World;
        _number = _network.NextConnectionNumber();
        _arrivalNews = new ArrivalNews(this);
        _ownHello = ownHello;
        _handler = handler;
    }

    public ref readonly Hello PeerHello => ref _peerHello;
    public bool IsUp { get; private set; }
    public bool IsClosed { get; private set; }
    public int QueuedBytes { get; private set; }
    public long HeardNanos { get; private set; }
    public object? Tag { get; set; }

    private SimHost Host => _transport.Seat.Process.Host;
    private NetFaults Faults => _network.Faults;

    public Errno TrySend(FrameType type, ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload = default)
    {
        int payloadBytes = 0;
        foreach (PayloadPart part in payload) { payloadBytes += part.Length; }
        Invariant.Require(body.Length <= (type == FrameType.Control ? NetLimits.MaxControlBytes : NetLimits.MaxBodyBytes));
        Invariant.Require(payloadBytes <= NetLimits.MaxPayloadBytes);
        if (!IsUp || IsClosed) { return Errno.NotConnected; }
        if (QueuedBytes > 0 && QueuedBytes + body.Length + payloadBytes > Faults.SendQueueBytes) { return Errno.Again; }
        if (Survives(type) && TryMangle(type, body, payload, payloadBytes)) { return Errno.None; }
        foreach (PayloadPart part in payload) { part.Buffer.Retain(); }
        Enqueue(new SimFrame
        {
            Type = type,
            Body = body.ToArray(),
            Parts = payload.Length > 0 ? payload.ToArray() : null,
            PayloadBytes = payloadBytes,
            SentAt = _world.TimeNow,
        });
        if (Faults.ResetPerMillion > 0 && _network.Prng.Chance(Faults.ResetPerMillion)) { Break(); }
        return Errno.None;
    }

    /// <summary>There and back in two delays; the peer answers in its loop, so a paused one does not.</summary>
    public void Probe()
    {
        if (!IsUp || IsClosed) { return; }
        SimConnection peer = _peer!;
        _world.Schedule(_network.Delay(Host, peer.Host), () => peer.InLoop(() =>
            _world.Schedule(_network.Delay(peer.Host, Host), () => InLoop(() => HeardNanos = _transport.Seat.Reactor.NowNanos))));
    }

    public void Close(Errno reason) => CloseWith(reason, "closed by this side", tellPeer: true);

    /// <summary>The connection breaks by itself at both ends; of what is on the wire, any first part arrives.</summary>
    public void Break()
    {
        SimConnection? peer = _peer;
        _world.Schedule(_network.Prng.Between(0, 500_000), () => CloseWith(Errno.ConnectionReset, "reset by the network", tellPeer: false));
        if (peer != null)
        {
            _world.Schedule(_network.Prng.Between(0, 500_000), () => peer.CloseWith(Errno.ConnectionReset, "reset by the network", tellPeer: false));
        }
    }

    /// <summary>The connecting side's first step.</summary>
    internal void StartConnect(NetAddress address)
    {
        SimHost? remote = _network.FindHost(address);
        _world.Schedule(Faults.ConnectTimeoutNanos, () =>
        {
            if (!IsUp) { CloseWith(Errno.TimedOut, "no answer", tellPeer: true); }
        });
        if (remote == null) { return; }
        _world.Schedule(_network.Delay(Host, remote), () => OnConnectRequest(address, remote));
    }

    internal void OnProcessEnded(bool powerCut)
    {
        _isDead = true;
        _queue.Clear(); // their buffers die with the process
        _wire.Clear();
        if (_peer == null || _peer.IsClosed || _peer._isDead) { return; }
        _peer.DropFramesSentAfter(_world.Now);
        // A killed process's kernel says so at once; a machine without power says nothing.
        if (!powerCut) { SendReset(_peer, "the peer's process ended"); }
    }

    private void OnConnectRequest(NetAddress address, SimHost remote)
    {
        if (_isDead || IsClosed || !remote.HasPower) { return; }
        if (_network.IsCut(Host, remote))
        {
            _world.Schedule(200 * Units.NanosPerMilli, () => OnConnectRequest(address, remote)); // the SYN is repeated
            return;
        }
        SimListener? listener = _network.FindListener(address);
        if (listener == null)
        {
            Refuse(remote, Errno.ConnectionRefused, "connection refused");
            return;
        }
        listener.Transport.Seat.Source.Add(new CallNews(() => OnGreeted(listener)));
    }

    /// <summary>Runs in the listener's loop: the hello has arrived.</summary>
    private void OnGreeted(SimListener listener)
    {
        SimHost remote = listener.Transport.Seat.Process.Host;
        if (_isDead || IsClosed) { return; }
        string? refusal = listener.Gate.Check(in _ownHello, out Hello answer, out ITransport target);
        if (refusal != null)
        {
            Refuse(remote, Errno.NotPermitted, refusal);
            return;
        }
        var to = (SimTransport)target;
        var other = new SimConnection(to, answer, handler: null) { _peer = this, _peerHello = _ownHello };
        to.Add(other);
        to.Seat.Source.Add(new CallNews(other.Adopt));
    }

    /// <summary>Runs in the loop that the accepted connection was moved to.</summary>
    private void Adopt()
    {
        if (IsClosed) { return; }
        SimConnection peer = _peer!;
        if (peer._isDead || peer.IsClosed)
        {
            CloseWith(Errno.ConnectionReset, "the peer went away", tellPeer: false);
            return;
        }
        _handler = _transport.Acceptor?.OnAccepted(this);
        if (_handler == null)
        {
            CloseWith(Errno.ConnectionRefused, "not accepted", tellPeer: true);
            peer._peer = this;
            SendReset(peer, "not accepted");
            return;
        }
        peer._peer = this;
        IsUp = true;
        _lastHeardAt = _world.Now;
        Enqueue(new SimFrame { IsGreeting = true, Body = [], SentAt = _world.TimeNow });
        _world.Trace.Add(_world.Now, Host.Name, TraceKind.Up, peer.Host.Number, _transport.Seat.Index, _number);
        ScheduleKeepAlive();
        _handler.OnUp(this);
    }

    private void Refuse(SimHost remote, Errno reason, string detail) =>
        _world.Schedule(_network.Delay(remote, Host), () =>
        {
            if (!_network.IsCut(remote, Host)) { CloseWith(reason, detail, tellPeer: false); }
        });

    private static bool Survives(FrameType type) => type is FrameType.Raft or FrameType.Heartbeat or FrameType.HeartbeatAck
        or FrameType.DataRequest or FrameType.DataReply;

    /// <summary>Loses, doubles or delays a frame inside the living connection. True: the frame needs no normal sending.</summary>
    private bool TryMangle(FrameType type, ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload, int payloadBytes)
    {
        Prng prng = _network.Prng;
        if (Faults.FrameLossPerMillion > 0 && prng.Chance(Faults.FrameLossPerMillion))
        {
            _world.Trace.Add(_world.Now, Host.Name, TraceKind.FrameFault, (long)type, body.Length, 0);
            return true;
        }
        bool twice = Faults.FrameDoublePerMillion > 0 && prng.Chance(Faults.FrameDoublePerMillion);
        bool late = !twice && Faults.FrameOvertakenPerMillion > 0 && prng.Chance(Faults.FrameOvertakenPerMillion);
        if (!twice && !late) { return false; }
        _world.Trace.Add(_world.Now, Host.Name, TraceKind.FrameFault, (long)type, body.Length, twice ? 1 : 2);
        var copy = new SimFrame
        {
            Type = type,
            Body = body.ToArray(),
            PayloadBytes = payloadBytes,
            Payload = Gather(payload, payloadBytes),
            SentAt = _world.TimeNow,
        };
        SimConnection peer = _peer!;
        _world.Schedule(prng.Between(1, Faults.LateMaxNanos), () => peer.TakeStray(copy));
        return late;
    }

    private void TakeStray(SimFrame frame)
    {
        if (_isDead || !IsUp || IsClosed || _network.IsCut(_peer!.Host, Host)) { return; }
        _transport.Seat.Source.Add(new CallNews(() =>
        {
            if (IsUp && !IsClosed) { _ = TryHandOver(frame); }
        }));
    }

    /// <summary>Something without contents has come over the network: it is looked at in this end's loop.</summary>
    private void InLoop(Action look)
    {
        if (_isDead || !IsUp || IsClosed || _network.IsCut(_peer!.Host, Host)) { return; }
        _transport.Seat.Source.Add(new CallNews(() =>
        {
            if (IsUp && !IsClosed) { look(); }
        }));
    }

    private void Enqueue(SimFrame frame)
    {
        _queue.Enqueue(frame);
        QueuedBytes += frame.Bytes;
        Pump();
    }

    /// <summary>Moves frames from the queue to the wire as far as the window goes.</summary>
    private void Pump()
    {
        SimConnection peer = _peer!;
        while (_queue.Count > 0 && (peer._wireBytes == 0 || peer._wireBytes + _queue.Peek().Bytes <= Faults.WindowBytes))
        {
            SimFrame frame = _queue.Dequeue();
            QueuedBytes -= frame.Bytes;
            if (frame.Parts != null)
            {
                frame.Payload = Gather(frame.Parts, frame.PayloadBytes);
                foreach (PayloadPart part in frame.Parts) { part.Buffer.Release(); }
                frame.Parts = null;
            }
            long due = _world.TimeNow + _network.Delay(Host, peer.Host);
            if (Faults.BytesPerSecond > 0) { due += frame.Bytes * Units.NanosPerSecond / Faults.BytesPerSecond; }
            frame.DueAt = Math.Max(due, peer._lastDueAt);
            peer._lastDueAt = frame.DueAt;
            peer.PutOnWire(frame);
        }
    }

    private static byte[]? Gather(ReadOnlySpan<PayloadPart> parts, int bytes)
    {
        if (bytes == 0) { return null; }
        byte[] all = ArrayPool<byte>.Shared.Rent(bytes);
        int at = 0;
        foreach (PayloadPart part in parts)
        {
            part.Buffer.Span(part.Offset, part.Length).CopyTo(all.AsSpan(at));
            at += part.Length;
        }
        return all;
    }

    private void PutOnWire(SimFrame frame)
    {
        if (_isDead || IsClosed) { return; }
        _wire.Enqueue(frame);
        _wireBytes += frame.Bytes;
        ScheduleArrival(_wire.Peek().DueAt);
    }

    private void ScheduleArrival(long at)
    {
        if (_arrival != null || _newsPending) { return; }
        _arrival = new ArrivalEvent(this);
        _world.ScheduleAt(at, _arrival);
    }

    private void OnArrivalEvent(ArrivalEvent arrival)
    {
        if (_arrival != arrival) { return; }
        _arrival = null;
        if (_isDead || IsClosed || _wire.Count == 0) { return; }
        if (_network.IsCut(_peer!.Host, Host))
        {
            // Repeated until it gets through.
            ScheduleArrival(_world.Now + _network.Prng.Between(10, 200) * Units.NanosPerMilli);
            return;
        }
        _newsPending = true;
        _transport.Seat.Source.Arrive(_arrivalNews);
    }

    /// <summary>Runs in the receiver's loop: hands over all that has arrived.</summary>
    private void TakeArrived()
    {
        _newsPending = false;
        while (!IsClosed && _wire.Count > 0 && _wire.Peek().DueAt <= _world.Now)
        {
            SimFrame frame = _wire.Peek();
            if (!TryHandOver(frame))
            {
                // No buffer: the frame stays, the window fills, the sender feels it.
                ScheduleArrival(_world.Now + (50 * Units.NanosPerMicro));
                return;
            }
            if (_wire.Count == 0 || _wire.Peek() != frame) { return; } // closed by the handler
            _ = _wire.Dequeue();
            _wireBytes -= frame.Bytes;
        }
        if (IsClosed) { return; }
        if (_wire.Count > 0) { ScheduleArrival(_wire.Peek().DueAt); }
        if (!_peer!._isDead && !_peer.IsClosed) { _peer.Pump(); }
    }

    private bool TryHandOver(SimFrame frame)
    {
        _lastHeardAt = _world.Now;
        HeardNanos = _transport.Seat.Reactor.NowNanos;
        if (frame.IsGreeting)
        {
            _peerHello = _peer!._ownHello;
            IsUp = true;
            _world.Trace.Add(_world.Now, Host.Name, TraceKind.Up, _peer.Host.Number, _transport.Seat.Index, _number);
            ScheduleKeepAlive();
            _handler!.OnUp(this);
            return true;
        }
        PooledBuffer? buffer = null;
        if (frame.Payload != null)
        {
            buffer = _transport.Seat.Buffers.TryRent(Math.Max(frame.PayloadBytes, 1), PeerUse.Of(_ownHello.Role, _peerHello.Role));
            if (buffer == null)
            {
                Reached.Mark("sim: receiver without a buffer");
                return false;
            }
            frame.Payload.AsSpan(0, frame.PayloadBytes).CopyTo(buffer.Span(0, frame.PayloadBytes));
        }
        _world.Trace.Add(_world.Now, Host.Name, TraceKind.Frame, (long)frame.Type,
            Crc32C.Compute(frame.Body), frame.PayloadBytes);
        _handler!.OnFrame(this, new Frame
        {
            Type = frame.Type,
            Body = frame.Body,
            Payload = buffer,
            PayloadBytes = frame.PayloadBytes,
        });
        buffer?.Release();
        if (frame.Payload != null)
        {
            ArrayPool<byte>.Shared.Return(frame.Payload);
            frame.Payload = null;
        }
        return true;
    }

    private void CloseWith(Errno reason, string detail, bool tellPeer)
    {
        if (IsClosed || _isDead) { return; }
        IsClosed = true;
        IsUp = false;
        foreach (SimFrame frame in _queue)
        {
            if (frame.Parts == null) { continue; }
            foreach (PayloadPart part in frame.Parts) { part.Buffer.Release(); }
        }
        _queue.Clear();
        QueuedBytes = 0;
        _wire.Clear();
        _wireBytes = 0;
        _transport.Remove(this);
        if (tellPeer && _peer != null && !_peer._isDead) { SendReset(_peer, "closed by the peer"); }
        _transport.Seat.Source.Add(new CallNews(() =>
        {
            _world.Trace.Add(_world.Now, Host.Name, TraceKind.Closed, (long)reason, _number);
            _handler?.OnClosed(this, reason, detail);
        }));
    }

    /// <summary>Tells the other end, if anything gets through to it. What it has not received yet is lost half of the time.</summary>
    private void SendReset(SimConnection peer, string detail)
    {
        long at = _world.TimeNow + _network.Delay(Host, peer.Host);
        if (_network.Prng.Chance(500_000)) { at = Math.Max(at, peer._lastDueAt + 1); }
        _world.ScheduleAt(at, new ActionEvent(() =>
        {
            if (!_network.IsCut(Host, peer.Host)) { peer.CloseWith(Errno.ConnectionReset, detail, tellPeer: false); }
        }));
    }

    private void DropFramesSentAfter(long at)
    {
        int count = _wire.Count;
        for (int i = 0; i < count; i++)
        {
            SimFrame frame = _wire.Dequeue();
            if (frame.SentAt <= at) { _wire.Enqueue(frame); } else { _wireBytes -= frame.Bytes; }
        }
    }

    /// <summary>The transport's own pings, without frames: heard = both directions work and the peer's process is not stopped.</summary>
    private void ScheduleKeepAlive() => _world.Schedule(Faults.KeepAliveNanos, OnKeepAlive);

    private void OnKeepAlive()
    {
        if (_isDead || IsClosed) { return; }
        SimConnection peer = _peer!;
        bool open = !_network.IsCut(Host, peer.Host) && !_network.IsCut(peer.Host, Host) && peer.Host.HasPower;
        if (open && (peer._isDead || peer.IsClosed))
        {
            CloseWith(Errno.ConnectionReset, "the peer does not know this connection", tellPeer: false);
            return;
        }
        if (open && !peer._transport.Seat.Process.IsPaused) { _lastHeardAt = _world.Now; }
        if (_world.Now - _lastHeardAt > Faults.DeadPeerNanos && !_transport.Seat.Process.IsPaused)
        {
            CloseWith(Errno.TimedOut, "silence", tellPeer: true);
            return;
        }
        ScheduleKeepAlive();
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;

namespace Fastblock.Tests.Unit.Replication;

/// <summary>A transport between reactors of one thread that allocates nothing per frame, for tests that count allocations.</summary>
internal sealed class LoopTransport(Reactor reactor, Dictionary<NetAddress, (IHelloGate Gate, LoopTransport Transport)> listeners) : ITransport
{
    private readonly record struct Queued(FrameType Type, byte[] Body, int BodyBytes, PooledBuffer? Payload, int PayloadBytes);

    private sealed class End(LoopTransport transport, Hello peer, IConnectionHandler? handler) : IConnection, IRunnable
    {
        private readonly Hello _peerHello = peer;
        private readonly RingQueue<Queued> _inbox = new(64);
        private readonly Stack<byte[]> _bodies = new();
        private bool _toldUp;

        public End? Other { get; set; }
        public IConnectionHandler? Handler { get; set; } = handler;
        public ref readonly Hello PeerHello => ref _peerHello;
        public bool IsUp => true;
        public int QueuedBytes => 0;
        public long HeardNanos => 0;
        public object? Tag { get; set; }

        public Errno TrySend(FrameType type, ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload = default) =>
            Other!.Take(type, body, payload);

        public void Probe() { }

        public void Close(Errno reason) => throw new InvalidOperationException($"closed: {reason}");

        public void Run()
        {
            if (!_toldUp)
            {
                _toldUp = true;
                Handler!.OnUp(this);
            }
            while (_inbox.TryPopFront(out Queued frame))
            {
                Handler!.OnFrame(this, new Frame
                {
                    Type = frame.Type,
                    Body = frame.Body.AsSpan(0, frame.BodyBytes),
                    Payload = frame.Payload,
                    PayloadBytes = frame.PayloadBytes,
                });
                frame.Payload?.Release();
                _bodies.Push(frame.Body);
            }
        }

        public void Queue() => transport.Reactor.Enqueue(this);

        private Errno Take(FrameType type, ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload)
        {
            byte[] copy = _bodies.TryPop(out byte[]? free) ? free : new byte[NetLimits.MaxBodyBytes];
            body.CopyTo(copy);
            int bytes = 0;
            foreach (PayloadPart part in payload) { bytes += part.Length; }
            PooledBuffer? buffer = bytes > 0 ? transport.Reactor.Buffers.TryRent(bytes) : null;
            int at = 0;
            foreach (PayloadPart part in payload)
            {
                part.Buffer.Span(part.Offset, part.Length).CopyTo(buffer!.Span(at, part.Length));
                at += part.Length;
            }
            _inbox.PushBack(new Queued(type, copy, body.Length, buffer, bytes));
            Queue();
            return Errno.None;
        }
    }

    public Reactor Reactor => reactor;
    public IConnectionAcceptor? Acceptor { get; set; }
    public TransportCounters Counters { get; } = new();

    public IConnection Connect(NetAddress address, in Hello hello, IConnectionHandler handler)
    {
        (IHelloGate gate, LoopTransport to) = listeners[address];
        _ = gate.Check(in hello, out Hello own, out _);
        End here = new(this, own, handler), there = new(to, hello, null);
        (here.Other, there.Other) = (there, here);
        there.Handler = to.Acceptor!.OnAccepted(there) ?? throw new InvalidOperationException("refused");
        here.Queue();
        there.Queue();
        return here;
    }

    public Errno Listen(NetAddress address, IHelloGate gate, out NetAddress bound)
    {
        bound = address;
        listeners.Add(address, (gate, this));
        return Errno.None;
    }
}

using System;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Net.Transport;

namespace Fastblock.Tests.Unit.Mon;

/// <summary>A connection that keeps what is sent on it.</summary>
internal sealed class FakeConnection : IConnection
{
    private readonly Hello _peer = new() { Role = PeerRole.Client };

    public List<ControlMessage> Sent { get; } = [];
    public Errno? Closed { get; private set; }
    public ref readonly Hello PeerHello => ref _peer;
    public bool IsUp => Closed is null;
    public int QueuedBytes { get; set; }
    public long HeardNanos => 0;
    public object? Tag { get; set; }

    /// <summary>What TrySend answers; None = takes it.</summary>
    public Errno SendStatus { get; set; }

    public Errno TrySend(FrameType type, ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload = default)
    {
        if (SendStatus is not Errno.None) { return SendStatus; }
        if (!ControlCodec.TryParse(body, out ControlMessage message)) { throw new InvalidOperationException("unreadable"); }
        Sent.Add(message);
        return Errno.None;
    }

    public void Probe() { }

    public void Close(Errno reason) => Closed ??= reason;
}

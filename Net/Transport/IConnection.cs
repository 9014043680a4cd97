using System;
using Fastblock.Native.Base;

namespace Fastblock.Net.Transport;

/// <summary>One connection. Frames arrive whole, in order and at most once, until it is closed; a lost frame always means
/// a closed connection. Belongs to its reactor's thread.</summary>
internal interface IConnection
{
    /// <summary>What the other side said of itself; default until up.</summary>
    ref readonly Hello PeerHello { get; }

    bool IsUp { get; }

    /// <summary>Bytes accepted by TrySend and not yet handed to the kernel: the sender's measure for back-pressure.</summary>
    int QueuedBytes { get; }

    /// <summary>When anything last came from the peer, keep-alive included, in the reactor's clock; while this side does not
    /// take what comes: now.</summary>
    long HeardNanos { get; }

    /// <summary>Free for the owner: its object behind this connection.</summary>
    object? Tag { get; set; }

    /// <summary>Queues one frame; everything queued in one loop iteration goes out together at its end. The body is copied;
    /// the payload is not: its buffers are retained until sent, and its bytes must not change until then.</summary>
    /// <param name="body">The message, at most <see cref="NetLimits.MaxBodyBytes"/> (control: MaxControlBytes).</param>
    /// <param name="payload">Parts that arrive as one contiguous payload, at most <see cref="NetLimits.MaxPayloadBytes"/>.</param>
    /// <returns>None; Again = the send queue is full; NotConnected.</returns>
    Errno TrySend(FrameType type, ReadOnlySpan<byte> body, ReadOnlySpan<PayloadPart> payload = default);

    /// <summary>Asks the peer for a sign of life: when one comes, HeardNanos moves and nothing else happens.</summary>
    void Probe();

    /// <summary>Closes; idempotent. OnClosed follows with <paramref name="reason"/>.</summary>
    void Close(Errno reason);
}

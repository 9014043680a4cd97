using System;
using Fastblock.Native.Reactor;
using Fastblock.Net.Transport;

namespace Fastblock.Roles.Nbd;

/// <summary>A connected socket as the NBD server needs it. Belongs to one reactor; calls its handler from the loop only,
/// never from within one of these calls.</summary>
internal interface IByteStream
{
    /// <summary>Bytes given to Send that the kernel has not taken yet.</summary>
    int QueuedBytes { get; }

    /// <summary>The next unconsumed bytes go to <paramref name="buffer"/>, then OnFilled comes. Only from within OnReceived or
    /// OnFilled. The stream keeps its own reference meanwhile.</summary>
    void ReceiveInto(PooledBuffer buffer, int offset, int length);

    /// <summary>Stops receiving: in the end the sender stops too.</summary>
    void Pause();

    /// <summary>Goes on, also with what was left unconsumed.</summary>
    void Resume();

    /// <summary>Queues bytes behind what is queued already: the head is copied, the payload retained until sent. On a stream
    /// that has ended it does nothing.</summary>
    void Send(ReadOnlySpan<byte> head, ReadOnlySpan<PayloadPart> payload);

    /// <summary>Ends the stream after what is queued has been sent and the peer has gone; what comes in is thrown away.</summary>
    void CloseWhenSent();

    /// <summary>Ends the stream now; OnClosed follows.</summary>
    void Abort();
}

namespace Fastblock.Native.Reactor;

/// <summary>What a buffer is rented for. Each use waits only for those above it in this list, and each has a guaranteed share of
/// a pool that serves several of them (<see cref="BufferPool.GuaranteeShares"/>): so the first always moves on, and with it
/// the rest. docs/decisions/client-buffers.md tells the whole rule.</summary>
internal enum BufferUse : byte
{
    /// <summary>Nothing is guaranteed: for pools with one use.</summary>
    Any,

    /// <summary>What a peer sends: comes back after a write to the own device.</summary>
    Peer,

    /// <summary>What the log's cleaner copies: the same.</summary>
    Cleaning,

    /// <summary>What is read from the own device for a peer: comes back when the peer has received it.</summary>
    ReadBack,

    /// <summary>What a client writes or reads: comes back when peers have it and the log has room, or the client took it.</summary>
    Client,
}

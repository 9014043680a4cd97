using Fastblock.Native.Base;

namespace Fastblock.Net.Transport;

/// <summary>Seam 4: connections that carry framed messages. One transport belongs to one reactor; everything it calls back
/// runs inside that reactor's loop, never from within the call that caused it.</summary>
internal interface ITransport
{
    /// <summary>Starts to connect and to greet. The connection is usable after <see cref="IConnectionHandler.OnUp"/>; when it
    /// cannot be had, or is lost later, <see cref="IConnectionHandler.OnClosed"/> comes exactly once. No automatic retry.</summary>
    IConnection Connect(NetAddress address, in Hello hello, IConnectionHandler handler);

    /// <summary>Takes connections whose hello <paramref name="gate"/> lets in. The gate names the transport (the reactor of
    /// the wanted shard) that the connection moves to; there <see cref="Acceptor"/> adopts it.</summary>
    /// <returns>None, AddressInUse, AccessDenied or the kernel's word.</returns>
    Errno Listen(NetAddress address, IHelloGate gate, out NetAddress bound);

    /// <summary>Who takes over connections that were accepted for this transport; set before any Listen names it.</summary>
    IConnectionAcceptor? Acceptor { get; set; }

    TransportCounters Counters { get; }
}

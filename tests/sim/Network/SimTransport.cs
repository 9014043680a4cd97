using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Network;

/// <summary>The transport of one simulated reactor. As in production, everything it calls back comes from inside the
/// reactor's loop, never from within the call that caused it.</summary>
internal sealed class SimTransport(SimSeat seat) : ITransport
{
    private readonly List<SimConnection> _connections = [];

    public SimSeat Seat => seat;
    public SimNetwork Network => seat.Process.World.Network;
    public IConnectionAcceptor? Acceptor { get; set; }
    public TransportCounters Counters { get; } = new();

    /// <summary>Connections that are not closed, for tests that break some.</summary>
    public IReadOnlyList<SimConnection> Connections => _connections;

    public IConnection Connect(NetAddress address, in Hello hello, IConnectionHandler handler)
    {
        var connection = new SimConnection(this, hello, handler);
        _connections.Add(connection);
        connection.StartConnect(address);
        return connection;
    }

    public Errno Listen(NetAddress address, IHelloGate gate, out NetAddress bound) =>
        Network.Listen(this, address, gate, out bound);

    internal void Add(SimConnection accepted) => _connections.Add(accepted);

    internal void Remove(SimConnection closed) => _ = _connections.Remove(closed);

    internal void OnProcessEnded(bool powerCut)
    {
        foreach (SimConnection connection in _connections) { connection.OnProcessEnded(powerCut); }
        _connections.Clear();
    }
}

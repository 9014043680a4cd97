using Fastblock.Net.Transport;

namespace Fastblock.Tests.Sim.Network;

/// <summary>A listening socket of one process.</summary>
internal sealed class SimListener(SimTransport transport, IHelloGate gate)
{
    public SimTransport Transport => transport;
    public IHelloGate Gate => gate;
    public bool IsAlive => transport.Seat.Process.IsAlive;
}

using System.Collections.Generic;
using System.Net;
using Fastblock.Native.Base;
using Fastblock.Net.Transport;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Network;

/// <summary>The network between hosts: who listens where, and which directions between two hosts are cut. It carries
/// connections as TCP does: inside one, frames arrive whole, in order and at most once; trouble shows as delay, silence or
/// the end of the connection (and, where a scenario asks for it, as worse than TCP).</summary>
internal sealed class SimNetwork(SimWorld world, Prng prng)
{
    private readonly Dictionary<NetAddress, SimListener> _listeners = [];
    private readonly HashSet<(int From, int To)> _cuts = [];
    private readonly Dictionary<(int From, int To), long> _extraDelay = [];
    private ushort _nextPort = 20_000;
    private long _nextConnection;

    public SimWorld World => world;
    public Prng Prng => prng;

    /// <summary>May be changed at any time.</summary>
    public NetFaults Faults { get; set; } = new();

    /// <summary>True when the direction carries nothing.</summary>
    public bool IsCut(SimHost from, SimHost to) => _cuts.Contains((from.Number, to.Number));

    /// <summary>Cuts one direction.</summary>
    public void Cut(SimHost from, SimHost to)
    {
        if (from == to) { return; }
        world.Trace.Add(world.Now, from.Name, TraceKind.Link, from.Number, to.Number, 1);
        _ = _cuts.Add((from.Number, to.Number));
    }

    /// <summary>Cuts both directions.</summary>
    public void CutBoth(SimHost a, SimHost b)
    {
        Cut(a, b);
        Cut(b, a);
    }

    /// <summary>Cuts a host off from all others.</summary>
    public void Isolate(SimHost host)
    {
        foreach (SimHost other in world.Hosts) { CutBoth(host, other); }
    }

    public void Heal(SimHost a, SimHost b)
    {
        world.Trace.Add(world.Now, a.Name, TraceKind.Link, a.Number, b.Number, 0);
        _ = _cuts.Remove((a.Number, b.Number));
        _ = _cuts.Remove((b.Number, a.Number));
    }

    /// <summary>Every direction works again, at full speed.</summary>
    public void HealAll()
    {
        world.Trace.Add(world.Now, "network", TraceKind.Link);
        _cuts.Clear();
        _extraDelay.Clear();
    }

    /// <summary>Makes one direction slower by so much for each frame; 0 = normal.</summary>
    public void SlowDown(SimHost from, SimHost to, long extraNanos) => _extraDelay[(from.Number, to.Number)] = extraNanos;

    /// <summary>How long the next frame takes.</summary>
    public long Delay(SimHost from, SimHost to)
    {
        if (from == to) { return prng.Between(2_000, 10_000); }
        long delay = prng.Between(Faults.DelayMinNanos, Faults.DelayMaxNanos);
        if (Faults.LatePerMillion > 0 && prng.Chance(Faults.LatePerMillion)) { delay += prng.Between(0, Faults.LateMaxNanos); }
        return _extraDelay.TryGetValue((from.Number, to.Number), out long extra) ? delay + extra : delay;
    }

    internal long NextConnectionNumber() => ++_nextConnection;

    internal Errno Listen(SimTransport transport, NetAddress address, IHelloGate gate, out NetAddress bound)
    {
        SimHost host = transport.Seat.Process.Host;
        // "Any" and loopback mean this host: the simulated machines have one address each.
        IPAddress own = host.Address;
        ushort port = address.Port == 0 ? _nextPort++ : address.Port;
        bound = new NetAddress(own, port);
        if (_listeners.TryGetValue(bound, out SimListener? other) && other.IsAlive) { return Errno.AddressInUse; }
        _listeners[bound] = new SimListener(transport, gate);
        return Errno.None;
    }

    internal SimListener? FindListener(NetAddress address) =>
        _listeners.TryGetValue(address, out SimListener? listener) && listener.IsAlive ? listener : null;

    internal SimHost? FindHost(NetAddress address)
    {
        foreach (SimHost host in world.Hosts)
        {
            if (host.Address.Equals(address.Address)) { return host; }
        }
        return null;
    }
}

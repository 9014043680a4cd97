using System;
using System.Collections.Generic;
using Fastblock.Native.Base;

namespace Fastblock.Tests.Sim.World;

/// <summary>One life of a process on a host: its reactors and everything they hold in memory. A crash ends it at one moment:
/// nothing of it runs again, and only what its devices kept is left.</summary>
internal sealed class SimProcess
{
    /// <summary>Small pools, so that running out of buffers happens.</summary>
    public static readonly (int Bytes, int Count)[] DefaultBuffers =
        [(4096, 256), (16 * 1024, 64), (64 * 1024, 32), (256 * 1024, 12), ((512 + 4) * 1024, 12)];

    private readonly List<SimSeat> _seats = [];
    private readonly List<IDisposable> _servers = [];

    public SimProcess(SimHost host, int shards, (int Bytes, int Count)[] buffers)
    {
        Host = host;
        for (int i = 0; i < shards; i++) { _seats.Add(new SimSeat(this, i, buffers)); }
    }

    public SimHost Host { get; }
    public SimWorld World => Host.World;
    public IReadOnlyList<SimSeat> Seats => _seats;
    public bool IsAlive { get; private set; } = true;

    /// <summary>A server of this process, for its unmanaged memory: a killed one does not free it.</summary>
    public void Own(IDisposable server) => _servers.Add(server);

    /// <summary>World time of the end of a pause.</summary>
    public long PausedUntil { get; private set; }

    public bool IsPaused => World.Now < PausedUntil;

    /// <summary>Stands still for so long, as after SIGSTOP; the kernel goes on receiving for it.</summary>
    public void Pause(long nanos)
    {
        PausedUntil = Math.Max(PausedUntil, World.Now + nanos);
        World.Trace.Add(World.Now, Host.Name, TraceKind.Pause, nanos);
        World.Schedule(nanos, () => { foreach (SimSeat seat in _seats) { seat.Wake(); } });
    }

    /// <summary>Ends this life. Its memory goes back at once: nobody may touch it again.</summary>
    internal void End(bool powerCut, bool orderly)
    {
        Invariant.Require(IsAlive);
        foreach (SimSeat seat in _seats) { seat.Transport.OnProcessEnded(powerCut); }
        Host.OnProcessEnded(powerCut);
        IsAlive = false;
        World.Trace.Add(World.Now, Host.Name, TraceKind.End, orderly ? 2 : powerCut ? 1 : 0, Host.Incarnation);
        foreach (SimSeat seat in _seats) { seat.Source.Clear(); }
        BuryMemory();
    }

    internal void BuryMemory()
    {
        foreach (IDisposable server in _servers) { World.Bury(server); }
        foreach (SimSeat seat in _seats) { World.Bury(seat.Buffers); }
    }
}

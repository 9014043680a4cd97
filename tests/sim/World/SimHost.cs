using System.Collections.Generic;
using System.Net;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Disk;

namespace Fastblock.Tests.Sim.World;

/// <summary>One machine: a name, an address, a clock and disks, which outlive the processes that run on it one after another.</summary>
internal sealed class SimHost
{
    private readonly List<SimDisk> _disks = [];

    internal SimHost(SimWorld world, int number, string name, SimClock clock)
    {
        World = world;
        Number = number;
        Name = name;
        Clock = clock;
        Address = new IPAddress([10, 0, (byte)(number >> 8), (byte)number]);
    }

    public SimWorld World { get; }

    /// <summary>From 1; the last bytes of the address.</summary>
    public int Number { get; }
    public string Name { get; }
    public IPAddress Address { get; }
    public SimClock Clock { get; }
    public SimProcess? Process { get; private set; }

    /// <summary>How many processes have been started here.</summary>
    public int Incarnation { get; private set; }

    public bool IsRunning => Process != null;

    /// <summary>False while the machine has no power: it does not even refuse connections.</summary>
    public bool HasPower { get; private set; } = true;

    public IReadOnlyList<SimDisk> Disks => _disks;

    public SimDisk AddDisk(long sizeBytes)
    {
        var disk = new SimDisk(World, this, sizeBytes, World.Prng.Fork());
        _disks.Add(disk);
        return disk;
    }

    /// <summary>Starts a process with so many reactors; the caller then creates its servers on the seats.</summary>
    public SimProcess Start(int shards = 1, (int Bytes, int Count)[]? buffers = null)
    {
        Invariant.Require(Process == null);
        HasPower = true;
        Incarnation++;
        Process = new SimProcess(this, shards, buffers ?? SimProcess.DefaultBuffers);
        World.Trace.Add(World.Now, Name, TraceKind.Start, shards, Incarnation);
        return Process;
    }

    /// <summary>kill -9: what was submitted to the disks may still arrive there, what completed is there.</summary>
    public void Kill() => End(powerCut: false, orderly: false);

    /// <summary>The machine goes dark: writes that were not flushed are lost in any subset, peers hear nothing.</summary>
    public void CutPower() => End(powerCut: true, orderly: false);

    /// <summary>The process has stopped by itself.</summary>
    public void EndOrderly() => End(powerCut: false, orderly: true);

    internal void OnProcessEnded(bool powerCut)
    {
        foreach (SimDisk disk in _disks) { disk.OnProcessEnded(powerCut); }
    }

    private void End(bool powerCut, bool orderly)
    {
        SimProcess? process = Process;
        HasPower = !powerCut;
        if (process == null) { return; }
        process.End(powerCut, orderly);
        Process = null;
    }
}

using System;
using System.Diagnostics;
using System.Threading;
using Xunit;
using Xunit.Abstractions;

namespace Fastblock.Tests.E2e;

/// <summary>A verifying load over an export of its own, on a cluster to which a test does harm meanwhile. The cluster stays the
/// test's.</summary>
internal sealed class LoadRig : IDisposable
{
    /// <summary>Stalls are printed; only one that is far beyond any goal is a failure.</summary>
    private const double StallMaxMillis = 30_000;

    private readonly VstartCluster _cluster;
    private readonly NbdServerProcess _nbd;
    private readonly FioLoad _load;

    /// <param name="image">Is made.</param>
    /// <param name="seconds">For how long to write, without the stalls.</param>
    /// <param name="perSecond">How many blocks.</param>
    public LoadRig(VstartCluster cluster, string image, int seconds, int perSecond = 300)
    {
        _cluster = cluster;
        cluster.Cli("image", "create", image, "--size", "64M").Ok();
        _nbd = NbdServerProcess.Start(cluster, image);
        _load = FioLoad.Start(_nbd.Uri, seconds * perSecond, perSecond);
        Phase("at rest");
        LetRun(seconds: 1);
    }

    /// <summary>What happens from now on, for the report.</summary>
    public void Phase(string what) => _load.Phase(what);

    /// <summary>Time under load is what is wanted here, not an event.</summary>
    public void LetRun(int seconds)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (watch.Elapsed.TotalSeconds < seconds)
        {
            Assert.True(_load.IsRunning, "the load ended before the harm was done" + _cluster.Logs());
            Thread.Sleep(50);
        }
    }

    /// <summary>Waits for the load, requires that it met no error, and that all replicas are equal.</summary>
    public void End(ITestOutputHelper output)
    {
        Assert.True(_load.IsRunning, "the load ended before the harm was done");
        double worst = _load.Finish(_cluster);
        foreach ((string name, double millis) in _load.Stalls())
        {
            string line = $"{name}: longest stall of a write {millis:0} ms";
            output.WriteLine(line);
            Console.WriteLine(line);
        }
        Assert.InRange(worst, 0, StallMaxMillis);
        _cluster.RequireEqualReplicas();
    }

    public void Dispose()
    {
        _load.Dispose();
        _nbd.Dispose();
    }
}

using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Tests.Sim.Cluster;
using Fastblock.Tests.Sim.Groups;
using Fastblock.Tests.Sim.Protocol;
using Fastblock.Tests.Sim.World;

namespace Fastblock.Tests.Sim.Harness;

/// <summary>The scenarios and the seeds that every test run has of each. A run is remembered: the test of the seed and the test of
/// the coverage marks share it, whichever comes first.</summary>
internal static class FixedSeeds
{
    /// <summary>A scenario and the number of its seeds, from 1; 0 = only the runner runs it.</summary>
    private sealed record Entry(ulong Count, Func<SimWorld, Scenario> Create);

    private static readonly Dictionary<string, Entry> Scenarios = new()
    {
        ["protocol"] = new Entry(100, world => new ProtocolScenario(world, changes: false)),
        ["members"] = new Entry(100, world => new ProtocolScenario(world, changes: true)),
        ["groups"] = new Entry(130, world => new GroupsScenario(world)),
        ["replaced"] = new Entry(100, world => new GroupsScenario(world, changes: true)),
        ["cluster"] = new Entry(102, world => new ClusterScenario(world)),
        ["emptied"] = new Entry(12, world => new EmptiedOsdScenario(world)),
        ["damage"] = new Entry(30, world => new DamageScenario(world)),
        ["disk"] = new Entry(12, world => new BadDiskScenario(world)),
        ["small"] = new Entry(6, world => new SmallOsdScenario(world)),
        ["three"] = new Entry(0, world => new ClusterScenario(world, draw => draw with { Mons = 1, Osds = 3, Replicas = 3 })),
        ["images"] = new Entry(24, world => new ImagesScenario(world)),
        ["rebalance"] = new Entry(12, world => new RebalanceScenario(world)),
        ["monchanges"] = new Entry(12, world => new MonitorChangeScenario(world)),
        ["monitors"] = new Entry(12, world => new MonitorScenario(world)),
    };

    /// <summary>Cluster seeds beyond the range that have found something; docs/testing.md says what.</summary>
    private static readonly ulong[] Found = [108, 120, 167, 187];

    private static readonly ConcurrentDictionary<(string Name, ulong Seed), Lazy<SimResult>> Results = new();

    public static IEnumerable<string> Names => Scenarios.Keys;

    public static bool IsKnown(string name) => Scenarios.ContainsKey(name);

    /// <summary>The seeds for a test of this scenario: what the environment asks for, else the fixed ones.</summary>
    public static IEnumerable<object[]> For(string name)
    {
        foreach (ulong seed in SimRunner.Seeds(1, Scenarios[name].Count)) { yield return [seed]; }
        if (name != "cluster" || SimRunner.IsChosen) { yield break; }
        foreach (ulong seed in Found) { yield return [seed]; }
    }

    /// <summary>Runs a seed, unless that was done; throws with the full report when it fails.</summary>
    public static void Check(string name, ulong seed)
    {
        SimResult result = Run(name, seed);
        if (result.Failure != null) { throw new SimFailure(result.Report); }
    }

    /// <summary>All fixed seeds have run after this, whatever came of them.</summary>
    public static void RunAll()
    {
        foreach ((string name, Entry entry) in Scenarios)
        {
            for (ulong seed = 1; seed <= entry.Count; seed++) { _ = Run(name, seed); }
        }
    }

    public static SimResult? FindBug(string name, SabotageKind kind, ulong first, ulong last) =>
        SimRunner.FindBug(name, kind, first, last, Scenarios[name].Create);

    /// <summary>Runs a seed, whether that was done before or not.</summary>
    public static SimResult RunAnew(string name, ulong seed, SimOptions options) => SimRunner.Run(name, seed, Scenarios[name].Create, options);

    private static SimResult Run(string name, ulong seed) =>
        Results.GetOrAdd((name, seed), key => new Lazy<SimResult>(() => SimRunner.Run(key.Name, key.Seed, Scenarios[key.Name].Create, SimRunner.FromEnvironment(key.Name, key.Seed)))).Value;
}

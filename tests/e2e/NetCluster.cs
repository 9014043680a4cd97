using System;
using System.Collections.Generic;
using System.IO;

namespace Fastblock.Tests.E2e;

/// <summary>Monitors, OSDs, a client and an operator, each in a network namespace of its own, so that any of them can be cut off from any
/// other. The pool 'vol' has a replica on each of the three OSDs.</summary>
internal sealed class NetCluster : IDisposable
{
    public const string Client = "client";
    public const string Operator = "operator";

    private readonly List<string> _mons = [];

    private NetCluster(NetLab net, string root)
    {
        Net = net;
        Cluster = VstartCluster.Over(root, net.Enter);
    }

    public NetLab Net { get; }
    public VstartCluster Cluster { get; }

    public IReadOnlyList<string> Mons => _mons;
    public IReadOnlyList<string> Osds { get; } = ["osd.0", "osd.1", "osd.2"];

    public static NetCluster Start(int mons)
    {
        List<string> nodes = [Client, Operator, "osd.0", "osd.1", "osd.2"];
        for (int i = 0; i < mons; i++) { nodes.Add($"mon.{i}"); }
        NetLab net = NetLab.Create([.. nodes]);
        NetCluster cluster = new(net, Path.Combine(Directory.CreateTempSubdirectory("fb").FullName, "c"));
        try
        {
            cluster.StartServers(mons);
            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    public string MonAddress(string mon) => $"{Net.AddressOf(mon)}:7300";

    /// <summary>Every other server, the client and the operator.</summary>
    public List<string> AllBut(string node)
    {
        List<string> others = [Client, Operator, .. Osds, .. _mons];
        _ = others.Remove(node);
        return others;
    }

    public void Dispose()
    {
        Net.Heal();
        Cluster.Dispose();
        Net.Dispose();
    }

    private void StartServers(int mons)
    {
        string root = Cluster.Root;
        Directory.CreateDirectory(Path.Combine(root, "logs"));
        Directory.CreateDirectory(Path.Combine(root, "pids"));
        for (int i = 0; i < mons; i++) { _mons.Add($"mon.{i}"); }
        string config = Path.Combine(root, "fastblock.toml"), all = string.Join(',', _mons.ConvertAll(MonAddress)), uuid = Guid.NewGuid().ToString();
        File.WriteAllText(config, $"[cluster]\nmons = [\"{all.Replace(",", "\", \"", StringComparison.Ordinal)}\"]\n");
        for (int i = 0; i < mons; i++)
        {
            string device = Path.Combine(root, $"mon.{i}.img");
            Shell.Fastblock("mon", "mkfs", "--device", device, "--id", $"{i}", "--mons", all, "--cluster", uuid).Ok();
            Cluster.Run($"mon.{i}", [Binary.Path, "mon", "--device", device, "--config", config]);
        }
        foreach (string osd in Osds)
        {
            string device = Path.Combine(root, $"{osd}.img");
            Cluster.Cli("osd", "mkfs", "--device", device, "--size", "512M", "--timeout", "30").Ok();
            Cluster.Run(osd, [Binary.Path, "osd", "--device", device, "--public-address", $"{Net.AddressOf(osd)}:0", "--config", config]);
        }
        Cluster.UntilOsdsUp(Osds.Count);
        Cluster.Cli("pool", "create", "vol", "--replicas", "3", "--pgs", "8", "--failure-domain", "osd").Ok();
        Cluster.UntilClean();
    }
}

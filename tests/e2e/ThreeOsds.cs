using System;
using System.IO;

namespace Fastblock.Tests.E2e;

/// <summary>A vstart cluster whose third OSD is made by hand, before any PG is on it: of another size, or with a copy of its
/// empty device kept. Its pool <see cref="Pool"/> has a replica on each of the three.</summary>
internal static class ThreeOsds
{
    public const string Pool = "three";

    /// <param name="size">Of the third OSD's device.</param>
    /// <param name="keepEmptyAt">Where to keep a copy of its device as it was made; null = nowhere.</param>
    public static VstartCluster WithLastOf(string size, string? keepEmptyAt = null)
    {
        VstartCluster cluster = VstartCluster.Start("--osds", "2", "--replicas", "1", "--size", "512M", "--pgs", "2");
        try
        {
            string device = Path.Combine(cluster.Root, "osd.2.img");
            cluster.Cli("osd", "mkfs", "--device", device, "--size", size).Ok();
            if (keepEmptyAt is not null) { File.Copy(device, keepEmptyAt); }
            Shell.Fastblock("vstart", "--dir", cluster.Root, "--no-bench", "--detach", "--nbd-port", "0", "--osds", "3").Ok();
            cluster.Cli("pool", "create", Pool, "--replicas", "3", "--pgs", "4", "--failure-domain", "osd").Ok();
            cluster.UntilClean();
            return cluster;
        }
        catch (Exception)
        {
            cluster.Dispose();
            throw;
        }
    }
}

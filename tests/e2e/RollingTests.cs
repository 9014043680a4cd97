using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Xunit;
using Xunit.Abstractions;

namespace Fastblock.Tests.E2e;

/// <summary>What an operator does, or what happens to a whole machine, under a verifying load: clients must not get an error.</summary>
[Collection(E2eCollection.Name)]
public sealed class RollingTests(ITestOutputHelper output)
{
    [Needs("fio")]
    public void Every_server_can_be_restarted_one_after_the_other_under_load()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "16", "--mons", "3");
        using LoadRig rig = new(cluster, "vol/load", seconds: 20);
        foreach (string server in cluster.Servers().Where(name => name != "nbd").Order())
        {
            rig.Phase($"{server} restarted");
            cluster.StopCleanly(server).Restart();
            cluster.UntilOsdsUp(3);
            cluster.UntilClean();
        }
        rig.End(output);
    }

    /// <summary>Two OSDs on each of three hosts: with failure domain host, no PG has more than one replica there.</summary>
    [Needs("fio")]
    public void A_host_with_two_OSDs_may_die()
    {
        using VstartCluster cluster = VstartCluster.Start("--osds", "1", "--replicas", "1", "--size", "512M", "--pgs", "1");
        string[] hosts = [Environment.MachineName, Environment.MachineName, "second", "second", "third", "third"];
        for (int i = 1; i < hosts.Length; i++)
        {
            cluster.Cli("osd", "mkfs", "--device", Path.Combine(cluster.Root, $"osd.{i}.img"), "--size", "512M", "--host", hosts[i]).Ok();
        }
        Shell.Fastblock("vstart", "--dir", cluster.Root, "--no-bench", "--detach", "--nbd-port", "0", "--osds", $"{hosts.Length}").Ok();
        cluster.Cli("pool", "create", "hosts", "--replicas", "3", "--pgs", "16", "--failure-domain", "host").Ok();
        cluster.UntilClean();
        using LoadRig rig = new(cluster, "hosts/load", seconds: 12);
        rig.Phase("both OSDs of a host killed");
        List<Faults.Dead> dead = cluster.KillHard("osd.2", "osd.3");
        cluster.UntilOsdsUp(hosts.Length - 2);
        rig.LetRun(seconds: 3);
        rig.Phase("both OSDs of the host back");
        foreach (Faults.Dead osd in dead) { osd.Restart(); }
        cluster.UntilOsdsUp(hosts.Length);
        rig.End(output);
    }
}

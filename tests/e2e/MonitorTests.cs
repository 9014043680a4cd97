using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Fastblock.Tests.E2e;

/// <summary>Monitors come and go under a verifying load: clients must not notice, and nothing of the founders is needed any more.</summary>
[Collection(E2eCollection.Name)]
public sealed class MonitorTests(ITestOutputHelper output)
{
    [Needs("fio")]
    public void Every_monitor_is_replaced_under_load_and_OSDs_find_the_new_ones_after_a_restart()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "16", "--mons", "3");
        string founder = AddressOf(cluster, 0)!;
        using LoadRig rig = new(cluster, "vol/load", seconds: 25);
        for (uint old = 0; old < 3; old++)
        {
            rig.Phase($"mon.{old} replaced");
            Replace(cluster, old, added: old + 3);
        }
        rig.Phase("an OSD restarted, whose settings name none of the monitors");
        cluster.KillHard("osd.0").Restart("--mon", founder);
        cluster.UntilOsdsUp(3);
        rig.Phase("all monitors killed");
        foreach (Faults.Dead mon in cluster.KillHard("mon.3", "mon.4", "mon.5"))
        {
            rig.LetRun(seconds: 1);
            mon.Restart();
        }
        cluster.UntilOsdsUp(3);
        rig.End(output);
    }

    [Fact]
    public void One_monitor_becomes_three_and_the_last_one_stays()
    {
        using VstartCluster cluster = VstartCluster.Start("--osds", "1", "--replicas", "1", "--size", "512M", "--pgs", "1");
        cluster.Cli("mon", "rm", "0").Refused(5, "is the only monitor");
        Add(cluster, 1);
        Assert.Contains("MON_EVEN", cluster.HealthCodes());
        Add(cluster, 2);
        Assert.DoesNotContain("MON_EVEN", cluster.HealthCodes());
        Assert.Matches("^e\\d+: 3 mons at 0=.*; quorum 0,1,2, leader \\d", cluster.Cli("mon", "stat").Ok().Output);
        cluster.Cli("mon", "rm", "7").Refused(3, "there is no mon.7");
        cluster.Kill("mon.2");
        Shell.Until("health to say that a monitor is down", () => cluster.HealthCodes().Contains("MON_DOWN"));
        cluster.Cli("mon", "rm", "1").Refused(5, "which is no majority");
        cluster.Cli("mon", "rm", "2").Ok();
        // Its device is told so when it starts, and then knows it.
        cluster.Run("mon.2", MonCommand(cluster, 2));
        Shell.Until("the removed monitor to end", () => !cluster.IsRunning("mon.2"));
        Shell.Fastblock("mon", "--device", DeviceOf(cluster, 2)).Refused(5, "mon.2 has been removed from the cluster");
    }

    private static string DeviceOf(VstartCluster cluster, uint mon) => Path.Combine(cluster.Root, $"mon.{mon}.img");

    private static string[] MonCommand(VstartCluster cluster, uint mon) =>
        [Binary.Path, "mon", "--device", DeviceOf(cluster, mon), "--config", Path.Combine(cluster.Root, "fastblock.toml")];

    private static string Add(VstartCluster cluster, uint mon)
    {
        string address = $"127.0.0.1:{FreePort()}";
        cluster.Cli("mon", "add", "--device", DeviceOf(cluster, mon), "--address", address, "--size", "64M").Ok();
        cluster.Run($"mon.{mon}", MonCommand(cluster, mon));
        Shell.Until($"mon.{mon} to be a member", () => AddressOf(cluster, mon) == address);
        return address;
    }

    private static void Replace(VstartCluster cluster, uint old, uint added)
    {
        string address = Add(cluster, added);
        string settings = Path.Combine(cluster.Root, "fastblock.toml");
        File.WriteAllText(settings, File.ReadAllText(settings).Replace(AddressOf(cluster, old)!, address, System.StringComparison.Ordinal));
        cluster.Cli("mon", "rm", old.ToString(CultureInfo.InvariantCulture)).Ok();
        Shell.Until($"mon.{old} to end", () => !cluster.IsRunning($"mon.{old}"));
        Assert.Contains($"mon.{old} has been removed from the cluster", File.ReadAllText(Path.Combine(cluster.Root, "logs", $"mon.{old}.log")));
    }

    /// <summary>Null when it is no member.</summary>
    private static string? AddressOf(VstartCluster cluster, uint mon)
    {
        CommandResult result = cluster.Cli("mon", "ls", "--json", "--timeout", "10");
        if (result.Code != 0) { return null; }
        foreach (JsonElement row in result.Json().EnumerateArray())
        {
            if (row.GetProperty("id").GetUInt32() == mon && row.GetProperty("state").GetString() == "member") { return row.GetProperty("address").GetString(); }
        }
        return null;
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

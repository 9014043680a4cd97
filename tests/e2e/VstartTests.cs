using System;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Fastblock.Native.Linux;
using Xunit;

namespace Fastblock.Tests.E2e;

[Collection(E2eCollection.Name)]
public sealed class VstartTests
{
    private const int HangUp = 1;

    [Fact]
    public void A_cluster_starts_works_stops_and_comes_back_with_its_data()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "1G", "--pgs", "16");
        JsonElement status = cluster.Status();
        Assert.Equal(3, status.GetProperty("osds_up").GetInt32());
        Assert.Equal(16, status.GetProperty("pgs_active").GetInt32());

        cluster.Cli("image", "create", "vol/keep", "--size", "64M").Ok();
        JsonElement first = cluster.Cli("bench", "rw", "vol/keep", "--rw", "write", "--bs", "64k", "--qd", "4", "--time", "1", "--verify", "--json").Json();
        Assert.True(first.GetProperty("verified_blocks").GetInt64() > 10);
        foreach (string key in (string[])["iops", "mb_s", "cpu_us_per_op"]) { Assert.True(first.GetProperty(key).GetDouble() > 0, key); }
        foreach (string key in (string[])["mean", "p50", "p99", "p99_9", "max"]) { Assert.True(first.GetProperty("lat_us").GetProperty(key).GetDouble() > 0, key); }
        string before = Digest(cluster, "vol/keep");
        // What is in the log only counts as well: the same room by pool and by OSD, once the last reports have come.
        Shell.Until("the OSDs to report what the pool uses", () =>
        {
            JsonElement df = cluster.Cli("df", "--json").Json();
            long pools = Sum(df.GetProperty("pools")), osds = Sum(df.GetProperty("osds"));
            return pools > 0 && osds >= pools && df.GetProperty("used_bytes").GetInt64() == osds;
        });

        cluster.Stop();
        foreach (string server in (string[])["mon.0", "osd.0", "osd.1", "osd.2", "nbd"]) { Assert.False(cluster.IsRunning(server), server); }
        cluster.StartMissing();
        Assert.Equal(before, Digest(cluster, "vol/keep"));
        cluster.UntilClean();
        Shell.Until("good health", () => cluster.Status().GetProperty("health").GetProperty("status").GetString() == "HEALTH_OK");
    }

    [Fact]
    public void What_died_is_started_again_and_nothing_else()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "8");
        string pids = Path.Combine(cluster.Root, "pids");
        string monBefore = File.ReadAllText(Path.Combine(pids, "mon.0.pid")), osdBefore = File.ReadAllText(Path.Combine(pids, "osd.1.pid"));
        cluster.Kill("osd.1");
        cluster.StartMissing();
        Assert.True(cluster.IsRunning("osd.1"));
        Assert.Equal(monBefore, File.ReadAllText(Path.Combine(pids, "mon.0.pid")));
        Assert.NotEqual(osdBefore, File.ReadAllText(Path.Combine(pids, "osd.1.pid")));
        cluster.UntilClean();
    }

    /// <summary>vstart was killed between the mkfs of a device and its final name; and the host that mkfs was told stays.</summary>
    [Fact]
    public void A_device_that_was_made_but_has_no_name_yet_is_used_under_its_id()
    {
        using VstartCluster cluster = VstartCluster.Start("--osds", "2", "--replicas", "1", "--size", "512M", "--pgs", "2");
        cluster.Cli("osd", "mkfs", "--device", Path.Combine(cluster.Root, "osd.2.img.new"), "--size", "512M", "--host", "elsewhere").Ok();
        Shell.Fastblock("vstart", "--dir", cluster.Root, "--no-bench", "--detach", "--nbd-port", "0", "--osds", "3").Ok();
        JsonElement osds = cluster.Cli("osd", "ls", "--json").Json();
        Assert.Equal(3, osds.GetArrayLength());
        Assert.True(osds[2].GetProperty("up").GetBoolean());
        Assert.Equal("elsewhere", osds[2].GetProperty("host").GetString());
        Assert.False(File.Exists(Path.Combine(cluster.Root, "osd.2.img.new")));
    }

    [Fact]
    public void Three_monitors_and_memory_devices_work_too()
    {
        using VstartCluster cluster = VstartCluster.Start("--mons", "3", "--device", "mem", "--size", "512M", "--pgs", "8");
        Assert.Equal(3, cluster.Status().GetProperty("mons").GetArrayLength());
        cluster.Cli("image", "create", "vol/x", "--size", "32M").Ok();
        cluster.Cli("bench", "rw", "vol/x", "--rw", "randrw", "--qd", "8", "--time", "1", "--verify").Ok();
        foreach (string file in Directory.GetFiles(cluster.Root)) { Assert.DoesNotContain("osd.", Path.GetFileName(file), StringComparison.Ordinal); }
    }

    [Fact]
    public void Memory_osds_have_the_numbers_that_the_cluster_gives_them()
    {
        using VstartCluster cluster = VstartCluster.Start("--osds", "5", "--device", "mem", "--size", "512M", "--pgs", "8");
        for (int id = 0; id < 5; id++)
        {
            string log = File.ReadAllText(Path.Combine(cluster.Root, "logs", $"osd.{id}.log"));
            Assert.Contains($"osd.{id} serves", log, StringComparison.Ordinal);
        }
        cluster.Kill("osd.2");
        CommandResult again = Shell.Fastblock("vstart", "--dir", cluster.Root, "--no-bench", "--detach");
        Assert.Contains("osd.2 had its data in memory and is gone for good", again.Error, StringComparison.Ordinal);
        Shell.Until("the cluster to miss osd.2", () => IsDown(cluster, 2));
    }

    [Fact]
    public void Two_starts_at_once_on_one_folder_leave_no_server_behind()
    {
        using VstartCluster cluster = StoppedCluster(out string[] again);
        using Process first = BeginStart(cluster, again);
        Shell.Fastblock(again).Refused(5, "another vstart is starting or stopping the cluster");
        Shell.Finish(first, Binary.Path, again).Ok();
        cluster.Stop();
        foreach (string folder in Directory.GetDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out int pid) || ChildProcess.StartTimeOf(pid) == 0) { continue; }
            Assert.DoesNotContain(cluster.Root, CommandLineOf(pid), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_stop_waits_for_a_start_to_finish()
    {
        using VstartCluster cluster = StoppedCluster(out string[] again);
        using Process first = BeginStart(cluster, again);
        Assert.Contains("waiting for it", Shell.Fastblock("vstart", "stop", "--dir", cluster.Root, "--timeout", "200").Error, StringComparison.Ordinal);
        Shell.Finish(first, Binary.Path, again).Ok();
        RequireNothingRuns(cluster);
    }

    [Fact]
    public void The_end_of_the_terminal_stops_a_cluster_in_the_foreground()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "8");
        string[] foreground = ["vstart", "--dir", cluster.Root, "--no-bench"];
        using Process process = Shell.Start(Binary.Path, foreground);
        while (process.StandardError.ReadLine() is { } line && !line.Contains("Ctrl-C", StringComparison.Ordinal)) { }
        Assert.True(ChildProcess.TrySignal(new ProcessId(process.Id, ChildProcess.StartTimeOf(process.Id)), HangUp));
        Shell.Finish(process, Binary.Path, foreground).Ok();
        RequireNothingRuns(cluster);
    }

    [Fact]
    public void Servers_end_in_good_order_on_a_hang_up()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "8");
        foreach (string server in (string[])["nbd", "osd.1", "mon.0"])
        {
            cluster.Signal(server, HangUp);
            Shell.Until($"{server} to end", () => !cluster.IsRunning(server));
            Assert.Contains("stopping", File.ReadAllText(Path.Combine(cluster.Root, "logs", $"{server}.log")), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_busy_nbd_port_is_told_before_anything_starts()
    {
        using Socket busy = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        busy.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        busy.Listen();
        int port = ((IPEndPoint)busy.LocalEndPoint!).Port;
        string folder = Directory.CreateTempSubdirectory("fb").FullName;
        Shell.Fastblock("vstart", "--dir", Path.Combine(folder, "c"), "--nbd-port", $"{port}").Refused(5, $"port {port} of 127.0.0.1 is in use");
        Assert.False(Directory.Exists(Path.Combine(folder, "c")));
        Directory.Delete(folder, recursive: true);
    }

    /// <param name="again">The command that starts it.</param>
    private static VstartCluster StoppedCluster(out string[] again)
    {
        VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "8");
        again = ["vstart", "--dir", cluster.Root, "--no-bench", "--detach"];
        cluster.Stop();
        return cluster;
    }

    private static Process BeginStart(VstartCluster cluster, string[] command)
    {
        Process start = Shell.Start(Binary.Path, command);
        Shell.Until("the start to have begun", () => cluster.IsRunning("mon.0"));
        return start;
    }

    private static void RequireNothingRuns(VstartCluster cluster)
    {
        foreach (string server in (string[])["mon.0", "osd.0", "osd.1", "osd.2", "nbd"]) { Assert.False(cluster.IsRunning(server), server); }
    }

    private static string CommandLineOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static bool IsDown(VstartCluster cluster, int id)
    {
        foreach (JsonElement osd in cluster.Cli("osd", "ls", "--json").Json().EnumerateArray())
        {
            if (osd.GetProperty("id").GetInt32() == id) { return !osd.GetProperty("up").GetBoolean(); }
        }
        return false;
    }

    private static long Sum(JsonElement rows)
    {
        long sum = 0;
        foreach (JsonElement row in rows.EnumerateArray()) { sum += row.GetProperty("used_bytes").GetInt64(); }
        return sum;
    }

    /// <summary>sha256 of a whole image, read through the NBD server.</summary>
    private static string Digest(VstartCluster cluster, string image)
    {
        using NbdServerProcess server = NbdServerProcess.Start(cluster, image, "--read-only");
        return server.Digest();
    }
}

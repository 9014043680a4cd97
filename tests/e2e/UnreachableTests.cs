using System;
using System.Diagnostics;
using System.IO;
using Fastblock.Native.Linux;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>What is not there, or not ours: servers and commands say so and end; none waits for ever.</summary>
[Collection(E2eCollection.Name)]
public sealed class UnreachableTests
{
    private const string Nowhere = "127.0.0.1:1";

    [Fact]
    public void An_OSD_of_another_cluster_is_told_and_ends()
    {
        using VstartCluster ours = VstartCluster.Start("--osds", "1", "--size", "256M", "--pgs", "1");
        using VstartCluster other = VstartCluster.Start("--osds", "1", "--size", "256M", "--pgs", "1");
        _ = ours.KillHard("osd.0");
        string device = Path.Combine(ours.Root, "osd.0.img");
        byte[] before = Contents(device);
        CommandResult result = other.Cli("osd", "--device", device);
        Assert.True(result.Code == 8, $"exit code {result.Code}\n{result.Error}");
        Assert.Matches("fastblock: the monitors do not let osd\\.0 of cluster [0-9a-f-]+ in: .*this is a monitor of cluster", result.Error);
        Assert.Equal(before, Contents(device));
        ours.StartMissing();
        ours.UntilOsdsUp(1);

        static byte[] Contents(string path)
        {
            using FileStream file = File.OpenRead(path);
            return System.Security.Cryptography.SHA256.HashData(file);
        }
    }

    [Theory]
    [InlineData("nbd", "vol/x", "--listen", "127.0.0.1:0")]
    [InlineData("nbd", "vol/x", "--listen", "127.0.0.1:0", "--read-only")]
    [InlineData("bench", "rw", "vol/x")]
    [InlineData("pool", "ls")]
    [InlineData("image", "create", "vol/x", "--size", "1G")]
    [InlineData("session", "ls")]
    [InlineData("pg", "ls")]
    [InlineData("osd", "ls")]
    [InlineData("df")]
    [InlineData("health")]
    [InlineData("fsck", "--compare")]
    [InlineData("log", "level", "osd.0", "debug")]
    public void A_cluster_that_cannot_be_reached_ends_every_command_with_its_own_code(params string[] command)
    {
        CommandResult result = Shell.Fastblock([.. command, "--mon", Nowhere, "--timeout", "1"]);
        Assert.True(result.Code == 7, $"{result.Line}: exit code {result.Code}\n{result.Error}");
        Assert.Contains("fastblock: ", result.Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
    }

    [Fact]
    public void An_NBD_server_without_a_cluster_ends_when_it_is_told_to()
    {
        string folder = Directory.CreateTempSubdirectory("fb").FullName;
        using Process server = Shell.Start(Binary.Path, ["nbd", "vol/x", "--socket", Path.Combine(folder, "s"), "--mon", Nowhere, "--timeout", "86400"]);
        Shell.Until("the server to listen", () => File.Exists(Path.Combine(folder, "s")));
        RequireEnd(server, code: 0);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void What_could_not_be_asked_of_a_dead_OSD_is_in_the_exit_code()
    {
        using VstartCluster cluster = VstartCluster.Start("--osds", "1", "--size", "256M", "--pgs", "1");
        _ = cluster.KillHard("osd.0");
        CommandResult usage = cluster.Cli("image", "du", "vol/demo", "--json", "--timeout", "3");
        Assert.Equal(1, usage.Code);
        Assert.Contains("\"pgs_missing\": 1", usage.Output, StringComparison.Ordinal);
        Assert.Equal(6, cluster.Cli("fsck", "--compare", "--timeout", "3").Code);
        CommandResult stopped = Shell.Fastblock("vstart", "stop", "--dir", cluster.Root, "--json");
        Assert.Equal(2, stopped.Json().GetProperty("stopped").GetInt32());
    }

    /// <summary>It is asked while it counts as up, and the map says that it is down before its time is over.</summary>
    [Fact]
    public void What_a_stopped_OSD_does_not_answer_is_in_the_exit_code()
    {
        using VstartCluster cluster = VstartCluster.Start("--osds", "2", "--replicas", "1", "--size", "256M", "--pgs", "2");
        cluster.Signal("osd.0", Faults.SIGSTOP);
        try
        {
            CommandResult usage = cluster.Cli("image", "du", "vol/demo", "--json", "--timeout", "6");
            Assert.True(usage.Code == 1, $"exit code {usage.Code}\n{usage.Error}");
            Assert.Contains("PGs did not answer", usage.Error, StringComparison.Ordinal);
        }
        finally
        {
            cluster.Signal("osd.0", Faults.SIGCONT);
        }
    }

    [Needs("qemu-io")]
    public void An_NBD_server_whose_OSDs_are_gone_ends_when_it_is_told_to()
    {
        using VstartCluster cluster = VstartCluster.Start("--osds", "1", "--size", "256M", "--pgs", "1");
        cluster.Cli("image", "create", "vol/x", "--size", "8M").Ok();
        _ = cluster.KillHard("osd.0");

        // One is still opening the image, the other has it open and a read under way.
        string folder = Directory.CreateTempSubdirectory("fb").FullName;
        using Process opening = Shell.Start(Binary.Path,
            ["nbd", "vol/x", "--socket", Path.Combine(folder, "s"), "--config", Path.Combine(cluster.Root, "fastblock.toml"), "--timeout", "86400"]);
        Shell.Until("the server to listen", () => File.Exists(Path.Combine(folder, "s")));
        RequireEnd(opening, code: 0);

        Assert.True(ProcessId.TryParse(File.ReadAllText(Path.Combine(cluster.Root, "pids", "nbd.pid")), out ProcessId serving));
        using Process reader = Shell.Start("qemu-io", ["-f", "raw", cluster.NbdUri, "-c", "read 0 4k"]);
        Shell.Until("the read to be under way", () => cluster.Metric("nbd", "fastblock_client_io_in_flight") > 0);
        Assert.True(ChildProcess.TrySignal(serving, ChildProcess.SIGTERM));
        Shell.Until("the export to end", () => !ChildProcess.IsAlive(serving), seconds: 30);
        reader.Kill();
        Directory.Delete(folder, recursive: true);
    }

    private static void RequireEnd(Process server, int code)
    {
        _ = Libc.kill(server.Id, ChildProcess.SIGTERM);
        Assert.True(server.WaitForExit(30_000), "it goes on");
        Assert.True(server.ExitCode == code, $"exit code {server.ExitCode}\n{server.StandardError.ReadToEnd()}");
    }
}

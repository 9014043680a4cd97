using System;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>The medium of one OSD rots: clients notice nothing, and it is repaired from the other replicas.</summary>
[Collection(E2eCollection.Name)]
public sealed class DamageTests
{
    private const string Image = "vol/rot";
    private const int ImageMib = 32;

    /// <summary>Where no client looks, because another replica leads: only a comparison or a scrub finds it.</summary>
    [Needs("nbdcopy")]
    public void A_damaged_replica_is_named_and_repaired()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "256M", "--pgs", "8");
        byte[] block = Prepare(cluster, 5 << 20);
        string osd = Faults.OtherOsd(cluster.LeaderOf(Image, 5 << 20));
        Rot(DeviceOf(cluster, osd), block);

        CommandResult text = cluster.Cli("fsck", "--compare", "vol", "--timeout", "60");
        Assert.True(text.Code == 1, text.Output + text.Error);
        Assert.Contains($"DAMAGED: {osd}: 1 damaged blocks, the first: image ", text.Output, StringComparison.Ordinal);
        Shell.Until("the damage to be in the health", () => cluster.HealthCodes().Contains("OSD_CORRUPTION"));
        Shell.Until("the block to be repaired", () => Log(cluster, osd).Contains(": repaired", StringComparison.Ordinal));
        cluster.RequireEqualReplicas();
        Assert.Contains("1 damaged blocks found while comparing replicas",
            Log(cluster, osd), StringComparison.Ordinal);
    }

    [Needs("nbdcopy")]
    public void A_scrub_finds_and_repairs_what_nobody_reads()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "256M", "--pgs", "8");
        byte[] block = Prepare(cluster, 9 << 20);
        string leader = cluster.LeaderOf(Image, 9 << 20);
        string osd = Faults.OtherOsd(leader);
        Rot(DeviceOf(cluster, osd), block);
        cluster.UntilClean();
        CommandResult scrub = cluster.Cli("pg", "scrub", "--all", "--wait", "--timeout", "120", "--json");
        Assert.True(scrub.Code == 0, scrub.Output + scrub.Error + cluster.Logs());
        Assert.Equal(8, scrub.Json().GetProperty("pgs").GetInt32());
        Shell.Until("the block to be repaired", () => Log(cluster, osd).Contains(": repaired", StringComparison.Ordinal));
        foreach (JsonElement pg in cluster.Cli("pg", "ls", "--json").Json().EnumerateArray())
        {
            Assert.True(pg.GetProperty("scrubbed_ms").GetInt64() > 0);
            Assert.Equal(0, pg.GetProperty("unrepairable").GetInt32());
        }
        cluster.RequireEqualReplicas();
    }

    /// <summary>Blocks of the leader's own device are damaged while a client verifies what it wrote.</summary>
    [Needs("fio", "nbdcopy")]
    public void A_client_that_reads_damaged_blocks_notices_nothing()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "256M", "--pgs", "8");
        byte[] block = Prepare(cluster, 17 << 20);
        string leader = cluster.LeaderOf(Image, 17 << 20);
        using NbdServerProcess server = NbdServerProcess.Start(cluster, Image);
        using FioLoad load = FioLoad.Start(server.Uri, writes: 4000, perSecond: 1000); // the first 16 MiB
        Rot(DeviceOf(cluster, leader), block);
        string copy = Path.GetTempFileName();
        Shell.Run("nbdcopy", server.Uri, copy).Ok();
        byte[] read = File.ReadAllBytes(copy);
        File.Delete(copy);
        _ = load.Finish(cluster);
        Assert.True(read.AsSpan(17 << 20, block.Length).SequenceEqual(block));
        Assert.Contains("the device does not give back what was written there", Log(cluster, leader), StringComparison.Ordinal);
        Shell.Until("the block to be repaired", () => Log(cluster, leader).Contains(": repaired", StringComparison.Ordinal));
        cluster.RequireEqualReplicas();
    }

    /// <summary>The device is a sparse file on a file system that becomes full: writes to it fail from one moment on.</summary>
    [Needs("fio", "mount", "umount", "cp")]
    public void An_OSD_whose_device_fails_a_write_ends_with_the_reason_and_the_others_go_on()
    {
        if (Environment.UserName != "root") { throw new CannotRunHereException("not root"); }
        using VstartCluster cluster = VstartCluster.Start("--size", "256M", "--pgs", "8");
        cluster.Cli("image", "create", Image, "--size", "96M").Ok();
        string folder = Directory.CreateTempSubdirectory("fbm").FullName;
        Shell.Run("mount", "-t", "tmpfs", "-o", "size=40M", "none", folder).Ok();
        try
        {
            string device = Path.Combine(folder, "osd.img");
            Faults.Dead dead = cluster.KillHard("osd.1");
            Shell.Run("cp", "--sparse=always", DeviceOf(cluster, "osd.1"), device).Ok();
            string[] command = dead.Command;
            int at = Array.FindIndex(command, word => word is "--device" or "-d");
            Assert.True(at >= 0, string.Join(' ', command));
            command[at + 1] = device;
            dead.Restart();
            cluster.UntilOsdsUp(3);
            using NbdServerProcess server = NbdServerProcess.Start(cluster, Image);
            using FioLoad load = FioLoad.Start(server.Uri, writes: 16_000, perSecond: 2_000);
            Shell.Until("the OSD to end", () => !cluster.IsRunning("osd.1"), seconds: 60);
            Shell.Until("the health to say why", () =>
                cluster.Cli("health", "--timeout", "5").Output.Contains("the device failed a write", StringComparison.Ordinal));
            _ = load.Finish(cluster);
            Assert.Contains("this OSD ends so that others take over", Log(cluster, "osd.1"), StringComparison.Ordinal);
        }
        finally
        {
            if (cluster.IsRunning("osd.1")) { cluster.Kill("osd.1"); }
            Shell.Until("the file system to be free", () => Shell.Run("umount", folder).Code == 0);
            Directory.Delete(folder);
        }
    }

    /// <summary>An image with random contents, and one known block at an offset of it.</summary>
    private static byte[] Prepare(VstartCluster cluster, int offset)
    {
        cluster.Cli("image", "create", Image, "--size", $"{ImageMib}M").Ok();
        byte[] block = new byte[Units.BlockBytes];
        new Random(1).NextBytes(block);
        using NbdServerProcess server = NbdServerProcess.Start(cluster, Image);
        string source = Path.GetTempFileName();
        byte[] data = new byte[ImageMib << 20];
        new Random(2).NextBytes(data);
        block.CopyTo(data, offset);
        File.WriteAllBytes(source, data);
        Shell.Run("nbdcopy", source, server.Uri).Ok();
        File.Delete(source);
        return block;
    }

    private static string Log(VstartCluster cluster, string server) => File.ReadAllText(Path.Combine(cluster.Root, "logs", $"{server}.log"));

    private static string DeviceOf(VstartCluster cluster, string osd) => Path.Combine(cluster.Root, $"{osd}.img");

    /// <summary>Flips a bit in every copy of the block on the device, in the log or at home.</summary>
    private static void Rot(string device, byte[] block)
    {
        using FileStream file = File.Open(device, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        byte[] read = new byte[block.Length];
        int copies = 0;
        for (long at = 0; at < file.Length; at += read.Length)
        {
            file.Position = at;
            file.ReadExactly(read);
            if (!read.AsSpan().SequenceEqual(block)) { continue; }
            read[100] ^= 1;
            file.Position = at;
            file.Write(read);
            file.Flush(flushToDisk: true);
            copies++;
        }
        Assert.NotEqual(0, copies);
    }
}

using System;
using System.IO;
using System.Text.Json;
using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>The medium of one OSD rots where no client looks, because another replica leads.</summary>
[Collection(E2eCollection.Name)]
public sealed class DamageTests
{
    [Needs("nbdcopy")]
    public void A_damaged_replica_is_named_at_once_and_the_rest_is_compared()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "256M", "--pgs", "8");
        cluster.Cli("image", "create", "vol/rot", "--size", "32M").Ok();
        byte[] block = new byte[Units.BlockBytes];
        new Random(1).NextBytes(block);
        using (NbdServerProcess server = NbdServerProcess.Start(cluster, "vol/rot"))
        {
            string source = Path.GetTempFileName();
            byte[] data = new byte[32 << 20];
            new Random(2).NextBytes(data);
            block.CopyTo(data, 5 << 20);
            File.WriteAllBytes(source, data);
            Shell.Run("nbdcopy", source, server.Uri).Ok();
            File.Delete(source);
        }
        cluster.RequireEqualReplicas();
        string osd = Faults.OtherOsd(cluster.LeaderOf("vol/rot", 5 << 20));
        Rot(Path.Combine(cluster.Root, $"{osd}.img"), block);

        CommandResult text = cluster.Cli("fsck", "--compare", "vol", "--timeout", "60");
        Assert.True(text.Code == 1, text.Output + text.Error);
        Assert.Contains($"DAMAGED: {osd}: 1 damaged blocks, the first: image ", text.Output, StringComparison.Ordinal);
        using JsonDocument report = JsonDocument.Parse(cluster.Cli("fsck", "--compare", "vol", "--timeout", "60", "--json").Output);
        JsonElement found = report.RootElement;
        Assert.Equal(7, found.GetProperty("pgs_equal").GetInt32());
        Assert.Equal(1, found.GetProperty("damaged").GetArrayLength());
        Assert.Equal(0, found.GetProperty("not_compared").GetArrayLength());
        Shell.Until("the damage to be in the health", () => cluster.HealthCodes().Contains("OSD_CORRUPTION"));
        Assert.Contains("1 damaged blocks found while comparing replicas",
            File.ReadAllText(Path.Combine(cluster.Root, "logs", $"{osd}.log")), StringComparison.Ordinal);
    }

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

using System;
using System.IO;
using Xunit;

namespace Fastblock.Tests.E2e;

/// <summary>An OSD that comes back: late, with an emptied device, or with a device that is not the cluster's.</summary>
[Collection(E2eCollection.Name)]
public sealed class RestartTests
{
    [Needs("nbdcopy")]
    public void An_OSD_that_the_log_no_longer_reaches_gets_the_whole_state()
    {
        // The log has an eighth of the device: 64 MiB. Twice as much is written while the OSD is down.
        using VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "4");
        cluster.Cli("image", "create", "vol/far", "--size", "160M").Ok();
        using NbdServerProcess server = NbdServerProcess.Start(cluster, "vol/far");
        Copy(server, 8);
        Faults.Dead osd = cluster.KillHard("osd.2");
        Copy(server, 144);
        string before = server.Digest();
        osd.Restart();
        cluster.UntilOsdsUp(3);
        cluster.RequireEqualReplicas();
        string log = File.ReadAllText(Path.Combine(cluster.Root, "logs", "osd.0.log")) + File.ReadAllText(Path.Combine(cluster.Root, "logs", "osd.1.log"));
        Assert.Contains("hands its state over to osd.2", log, StringComparison.Ordinal);

        // It is a full member again: together with either of the others it keeps everything.
        _ = cluster.KillHard("osd.0");
        Assert.Equal(before, server.Digest());
    }

    [Needs("nbdcopy")]
    public void An_emptied_OSD_stays_out_and_says_so()
    {
        string empty = Path.Combine(Directory.CreateTempSubdirectory("fb").FullName, "empty.img");
        using VstartCluster cluster = ThreeOsds.WithLastOf(size: "256M", keepEmptyAt: empty);
        cluster.Cli("image", "create", $"{ThreeOsds.Pool}/x", "--size", "32M").Ok();
        using NbdServerProcess server = NbdServerProcess.Start(cluster, $"{ThreeOsds.Pool}/x");
        Copy(server, 16);
        string before = server.Digest();

        Faults.Dead osd = cluster.KillHard("osd.2");
        File.Move(empty, Path.Combine(cluster.Root, "osd.2.img"), overwrite: true);
        Directory.Delete(Path.GetDirectoryName(empty)!);
        osd.Restart();
        Shell.Until("the lost replicas to be told", () => cluster.HealthCodes().Contains("OSD_LOST_DATA"));
        Assert.Equal(before, server.Digest());
        Assert.DoesNotContain("PG_NO_QUORUM", cluster.HealthCodes());

        // It must not count: with one more away there is no majority, though two processes run.
        Faults.Dead other = cluster.KillHard("osd.0");
        Shell.Until("the missing majority to be told", () => cluster.HealthCodes().Contains("PG_NO_QUORUM"));
        other.Restart();
        Shell.Until("the majority to be back", () => !cluster.HealthCodes().Contains("PG_NO_QUORUM"));
        Assert.Equal(before, server.Digest());
    }

    [Fact]
    public void A_device_in_use_or_of_another_role_or_without_a_label_is_refused()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "256M", "--pgs", "2");
        string device = Path.Combine(cluster.Root, "osd.0.img"), config = Path.Combine(cluster.Root, "fastblock.toml");
        Shell.Fastblock("osd", "--device", device, "--core-mask", "0x1", "--config", config).Refused(5, "in use");

        Faults.Dead osd = cluster.KillHard("osd.0");
        string cut = Path.Combine(cluster.Root, "empty.img");
        File.WriteAllBytes(cut, new byte[64 << 20]);
        Shell.Fastblock("osd", "--device", cut, "--core-mask", "0x1", "--config", config).Refused(5, "not formatted");
        Shell.Fastblock("osd", "--device", Path.Combine(cluster.Root, "nowhere.img"), "--core-mask", "0x1", "--config", config).Refused(3, "nowhere.img");
        Shell.Fastblock("osd", "mkfs", "--device", device, "--config", config).Refused(4, "--force");
        Shell.Fastblock("mon", "--device", device, "--config", config).Refused(5, "osd");
        osd.Restart();
        cluster.UntilOsdsUp(3);
        cluster.RequireEqualReplicas();
    }

    private static void Copy(NbdServerProcess server, int mib)
    {
        string source = Path.GetTempFileName();
        byte[] bytes = new byte[1 << 20];
        Random random = new(mib);
        using (FileStream file = File.OpenWrite(source))
        {
            for (int i = 0; i < mib; i++)
            {
                random.NextBytes(bytes);
                file.Write(bytes);
            }
        }
        Shell.Run("nbdcopy", source, server.Uri).Ok();
        File.Delete(source);
    }
}

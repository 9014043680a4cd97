using System.IO;
using System.Linq;
using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Fastblock.Tests.E2e;

/// <summary>Goal: data follow OSDs that come and go, while a client writes and verifies. Method: fio over NBD; an OSD is added, another
/// one is killed for good; in the end every replica must be where the map says, and equal to the others.</summary>
[Collection(E2eCollection.Name)]
public sealed class RebalanceTests(ITestOutputHelper output)
{
    private const string Image = "vol/load";

    [Needs("fio")]
    public void An_OSD_that_is_added_under_load_gets_its_share()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "16");
        cluster.Cli("image", "create", Image, "--size", "64M").Ok();
        using NbdServerProcess nbd = NbdServerProcess.Start(cluster, Image);
        using FioLoad load = FioLoad.Start(nbd.Uri, writes: 8000, perSecond: 400);
        Shell.Fastblock("vstart", "--dir", cluster.Root, "--no-bench", "--detach", "--nbd-port", "0", "--osds", "4").Ok();
        UntilNothingMoves(cluster);
        Assert.Equal(12, PgsOn(cluster, 3));
        output.WriteLine($"slowest write {load.Finish(cluster):0} ms");
        cluster.RequireEqualReplicas();
    }

    [Needs("fio")]
    public void An_OSD_that_is_killed_for_good_is_put_out_and_made_anew_on_the_others()
    {
        using VstartCluster cluster = VstartCluster.Start("--size", "512M", "--pgs", "16", "--osds", "4");
        Faults.Dead mon = cluster.KillHard("mon.0");
        File.AppendAllText(Path.Combine(cluster.Root, "fastblock.toml"), "\n[mon]\nout_after_s = 3\n");
        mon.Restart();
        cluster.UntilOsdsUp(4);
        cluster.Cli("image", "create", Image, "--size", "64M").Ok();
        using NbdServerProcess nbd = NbdServerProcess.Start(cluster, Image);
        using FioLoad load = FioLoad.Start(nbd.Uri, writes: 8000, perSecond: 400);
        Faults.Dead dead = cluster.KillHard("osd.2");
        Shell.Until("it to be put out", () => cluster.HealthCodes().Contains("OSD_OUT"), 60);
        UntilNothingMoves(cluster);
        Assert.Equal(0, PgsOn(cluster, 2));
        output.WriteLine($"slowest write {load.Finish(cluster):0} ms");
        cluster.RequireEqualReplicas();
        // It comes back: in again, without what it had, and with its share of everything in the end.
        dead.Restart();
        cluster.UntilOsdsUp(4);
        UntilNothingMoves(cluster);
        Assert.Equal(12, PgsOn(cluster, 2));
        cluster.RequireEqualReplicas();
    }

    private static void UntilNothingMoves(VstartCluster cluster) => Shell.Until("nothing to move any more", () =>
    {
        CommandResult result = cluster.Cli("status", "--json", "--timeout", "5");
        if (result.Code != 0) { return false; }
        JsonElement status = result.Json(), recovery = status.GetProperty("recovery");
        return recovery.GetProperty("pgs_moving").GetInt32() == 0 && recovery.GetProperty("pgs_waiting").GetInt32() == 0
            && status.GetProperty("pgs_clean").GetInt32() == status.GetProperty("pgs").GetInt32();
    }, 120);

    private static int PgsOn(VstartCluster cluster, int osd) => cluster.Cli("pg", "ls", "--json").Json().EnumerateArray()
        .Count(pg => pg.GetProperty("voters").EnumerateArray().Any(voter => voter.GetInt32() == osd));
}

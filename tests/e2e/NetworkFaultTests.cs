using System.Collections.Generic;
using System.Linq;
using Xunit;
using Xunit.Abstractions;

namespace Fastblock.Tests.E2e;

/// <summary>Goal: whatever packets vanish, nothing that was acknowledged is lost, no client gets an error, and as long as a client
/// reaches a majority that reaches itself, its I/O goes on. Method: servers in namespaces, fio writes and verifies over NBD
/// while cuts come and go; in the end all replicas must hold the same bytes. Stalls are printed.</summary>
[Collection(E2eCollection.Name)]
public sealed class NetworkFaultTests(ITestOutputHelper output)
{
    private const string Image = "vol/load";

    [Needs("fio", "ip", "nft", "nsenter")]
    public void A_leader_that_is_cut_off_or_deaf_or_mute_is_replaced_and_comes_back()
    {
        using NetCluster net = NetCluster.Start(mons: 1);
        using LoadRig rig = new(net.Cluster, Image, seconds: 24);
        foreach (string kind in (string[])["cut off", "deaf", "mute"])
        {
            string leader = net.Cluster.LeaderOf(Image);
            List<string> others = net.AllBut(leader);
            rig.Phase($"leader {kind}");
            if (kind != "mute") { net.Net.Drop(others, leader); }
            if (kind != "deaf") { net.Net.Drop(leader, others); }
            Shell.Until("another leader", () => net.Cluster.LeaderOf(Image) != leader);
            rig.LetRun(seconds: 2);
            rig.Phase($"leader no longer {kind}");
            net.Net.Heal();
            net.Cluster.UntilOsdsUp(3);
            net.Cluster.UntilClean();
        }
        rig.End(output);
    }

    [Needs("fio", "ip", "nft", "nsenter")]
    public void A_cut_between_two_that_a_third_one_reaches_costs_no_data()
    {
        using NetCluster net = NetCluster.Start(mons: 1);
        using LoadRig rig = new(net.Cluster, Image, seconds: 12);
        string leader = net.Cluster.LeaderOf(Image), follower = Faults.OtherOsd(leader);
        rig.Phase("leader and a follower cut from each other");
        net.Net.Cut(leader, [follower]);
        rig.LetRun(seconds: 4);
        net.Net.Heal();
        net.Cluster.UntilClean();
        // It still leads, so the I/O of its PGs waits: nobody else may answer it.
        rig.Phase("client cut from one leader for 2 s");
        net.Net.Cut(NetCluster.Client, [net.Cluster.LeaderOf(Image)]);
        rig.LetRun(seconds: 2);
        net.Net.Heal();
        rig.End(output);
    }

    [Needs("fio", "ip", "nft", "nsenter")]
    public void A_monitor_in_a_minority_does_nothing_and_OSDs_need_none_at_all()
    {
        using NetCluster net = NetCluster.Start(mons: 3);
        using LoadRig rig = new(net.Cluster, Image, seconds: 20);
        string minority = net.Cluster.LeadingMon();
        List<string> majority = [.. net.Mons.Where(mon => mon != minority)];
        rig.Phase("leading monitor cut from the others");
        net.Net.Cut(minority, majority);
        net.Cluster.Cli("image", "create", "vol/majority", "--size", "1M").Ok(); // the two others have a leader of their own

        net.Net.Cut(NetCluster.Operator, majority);
        CommandResult refused = net.Cluster.Cli("image", "create", "vol/minority", "--size", "1M", "--timeout", "4");
        Assert.True(refused.Code is 6 or 7, refused.Output + refused.Error);
        Assert.Contains("monitor", refused.Error);
        output.WriteLine(refused.Error);
        net.Net.Heal();
        string names = net.Cluster.Cli("image", "ls", "--json").Ok().Output;
        Assert.Contains("majority", names);
        Assert.DoesNotContain("minority", names);

        rig.Phase("no monitor, leading OSD killed");
        string leader = net.Cluster.LeaderOf(Image);
        List<Faults.Dead> mons = net.Cluster.KillHard([.. net.Mons]);
        rig.LetRun(seconds: 1);
        Faults.Dead osd = net.Cluster.KillHard(leader);
        rig.LetRun(seconds: 3);
        osd.Restart();
        rig.LetRun(seconds: 4);
        foreach (Faults.Dead mon in mons) { mon.Restart(); }
        net.Cluster.UntilOsdsUp(3);
        rig.End(output);
    }
}

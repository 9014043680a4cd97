using System.Collections.Generic;
using Fastblock.Tests.Sim.Harness;
using Xunit;
using Xunit.Abstractions;

namespace Fastblock.Tests.Sim;

/// <summary>Goal: the fixed seeds still get to the rare places. A change of limits, of times or of a draw can make them miss one for
/// ever, and nothing else would tell.</summary>
public sealed class CoverageMarkTests(ITestOutputHelper output)
{
    /// <summary>What must be reached at least once.</summary>
    private static readonly string[] Required =
    [
        "raft: campaign on transfer",
        "raft: configuration taken back",
        "raft: conflicting suffix dropped",
        "raft: follower needs a hand-over",
        "raft: follower without room",
        "raft: in-flight entries given up",
        "raft: leader without a majority steps down",
        "raft: leadership handed to the preferred leader",
        "raft: removed leader steps down",
        "raft: reply of a removed member ignored",
        "raft: vote request ignored under a lease",
        "raft: heartbeat set agreed anew",
        "replication: looks for a leader beyond the known members",
        "replication: read by a read-index round",
        "replication: read under the lease",
        "log: entry copied by the cleaner",
        "log: full",
        "log: lost batches reported",
        "log: torn tail cut off",
        "log: wrapped",
        "osd: a map from before a cut is not believed",
        "mon: removed one ends",
        "mon: without a leader, asks who the monitors are",
        "osd: block repaired",
        "osd: block taken from another replica",
        "osd: emptied device stays out",
        "osd: entry laid over the objects again",
        "osd: entry refused at apply",
        "osd: follower takes an entry beyond its room",
        "osd: partial block merged",
        "osd: repeated request recognised",
        "osd: replica deleted that its group has let go",
        "osd: replica made to join its group",
        "osd: replica with a damaged log stays out",
        "osd: scrub complete",
        "osd: stale owner refused",
        "osd: state handed over",
        "osd: write beyond a cut refused at apply",
        "sim: I/O beyond a cut refused by an OSD",
        "sim: I/O beyond the end refused by the client",
        "sim: image removed under its client",
        "sim: OSD added",
        "sim: OSD in again",
        "sim: OSD out",
        "sim: OSD removed",
        "sim: device swapped for an empty one",
        "sim: leading monitor removed",
        "sim: monitor added",
        "sim: monitor made again",
        "sim: monitor removed",
        "sim: only monitor with an empty device",
        "sim: lost replica taken out of its group",
        "sim: removed replica made anew",
        "sim: replica deleted",
        "sim: replica made to join",
        "sim: torn block at a power cut",
        "sim: write answered with no space",
    ];

    [Fact]
    public void The_fixed_seeds_reach_every_place_that_matters()
    {
        FixedSeeds.RunAll();
        var missing = new List<string>();
        foreach (string mark in Required)
        {
            if (!SimRunner.Marks.ContainsKey(mark)) { missing.Add(mark); }
        }
        foreach ((string mark, long count) in new SortedDictionary<string, long>(new Dictionary<string, long>(SimRunner.Marks)))
        {
            output.WriteLine($"{count,10} {mark}");
        }
        Assert.Empty(missing);
    }
}

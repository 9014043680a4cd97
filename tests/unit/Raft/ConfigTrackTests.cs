using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Xunit;

namespace Fastblock.Tests.Unit.Raft;

/// <summary>Method: random operations on a log with configurations in it, against a list of all its entries.</summary>
public sealed class ConfigTrackTests
{
    [Fact]
    public void It_always_knows_what_a_list_of_the_entries_says()
    {
        Prng prng = new(11);
        for (int round = 0; round < 300; round++)
        {
            RaftMembers founders = new([new NodeId(1)]);
            ConfigTrack track = new(founders);
            SortedDictionary<ulong, RaftMembers> model = new() { [0] = founders };
            ulong last = 0, compacted = 0;
            for (int step = 0; step < 100; step++)
            {
                switch (prng.Below(4))
                {
                    case 0:
                        last += 1 + (ulong)prng.Below(3);
                        RaftMembers members = new([new NodeId((uint)prng.Below(9))]);
                        track.Append(new LogIndex(last), members);
                        model[last] = members;
                        break;
                    case 1:
                        ulong from = compacted + 1 + (ulong)prng.Below((int)(last - compacted) + 2);
                        track.Truncate(new LogIndex(from));
                        foreach (ulong index in model.Keys.Where(i => i >= from).ToArray()) { _ = model.Remove(index); }
                        last = ulong.Min(last, from - 1);
                        break;
                    case 2:
                        compacted += (ulong)prng.Below((int)(last - compacted) + 1);
                        track.Compact(new LogIndex(compacted));
                        break;
                    default: break;
                }
                Check(track, model, compacted, last);
            }
        }
    }

    [Fact]
    public void Entries_that_the_stored_configuration_covers_are_left_out()
    {
        RaftMembers stored = new([new NodeId(7)]);
        ConfigTrack track = new(stored, new LogIndex(10));
        track.Append(new LogIndex(9), new RaftMembers([new NodeId(1)]));
        track.Append(new LogIndex(10), new RaftMembers([new NodeId(1)]));
        Assert.Same(stored, track.Current);
        Assert.Equal(1, track.Count);
    }

    private static void Check(ConfigTrack track, SortedDictionary<ulong, RaftMembers> model, ulong compacted, ulong last)
    {
        Assert.Same(model.Last().Value, track.Current);
        Assert.Equal(model.Last().Key, track.CurrentIndex.Value);
        for (ulong index = compacted; index <= last; index++)
        {
            (ulong since, RaftMembers members) = model.Last(m => m.Key <= index);
            Assert.Same(members, track.At(new LogIndex(index), out LogIndex told));
            Assert.Equal(since, told.Value);
        }
        Assert.Equal(model.Count(m => m.Key > compacted) + 1, track.Count);
    }
}

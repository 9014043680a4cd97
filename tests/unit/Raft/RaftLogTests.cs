using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Raft;
using Xunit;

namespace Fastblock.Tests.Unit.Raft;

public sealed class RaftLogTests
{
    [Fact]
    public void Behaves_as_a_plain_list_of_terms()
    {
        Prng prng = new(11);
        for (int run = 0; run < 300; run++)
        {
            RaftLog log = new();
            List<ulong> terms = [0]; // by index; below the base: forgotten
            int @base = 0;
            for (int step = 0; step < 100; step++)
            {
                int last = terms.Count - 1;
                switch (prng.Below(6))
                {
                    case 0 when last > @base:
                        int from = @base + 1 + prng.Below(last - @base);
                        log.Truncate(new LogIndex((ulong)from));
                        terms.RemoveRange(from, terms.Count - from);
                        break;
                    case 1:
                        int upTo = @base + prng.Below(last - @base + 1);
                        log.Compact(new LogIndex((ulong)upTo));
                        @base = upTo;
                        break;
                    default:
                        ulong term = terms[^1] + (prng.Chance(300_000) ? 1UL : 0);
                        if (term == 0) { term = 1; }
                        _ = log.Append(new Term(term));
                        terms.Add(term);
                        break;
                }
                Compare(log, terms, @base, prng);
            }
        }
    }

    private static void Compare(RaftLog log, List<ulong> terms, int @base, Prng prng)
    {
        Assert.Equal((ulong)@base, log.BaseIndex.Value);
        Assert.Equal((ulong)terms.Count - 1, log.LastIndex.Value);
        Assert.Equal(terms[^1], log.LastTerm.Value);
        for (int i = 0; i < terms.Count + 2; i++)
        {
            bool known = log.TryTerm(new LogIndex((ulong)i), out Term term);
            Assert.Equal(i >= @base && i < terms.Count, known);
            if (known) { Assert.Equal(terms[i], term.Value); }
        }
        int index = prng.Below(terms.Count + 2);
        ulong most = (ulong)prng.Below((int)terms[^1] + 2);
        int naive = System.Math.Min(index, terms.Count - 1);
        while (naive > @base && terms[naive] > most) { naive--; }
        Assert.Equal((ulong)System.Math.Max(naive, @base), log.LastAtMost(new LogIndex((ulong)index), new Term(most)).Value);
    }
}

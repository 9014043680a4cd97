using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.Unit.Base;

public sealed class PrngTests
{
    [Fact]
    public void Same_seed_gives_the_same_sequence()
    {
        Prng a = new(42), b = new(42), c = new(43);
        bool differs = false;
        for (int i = 0; i < 1000; i++)
        {
            ulong x = a.Next();
            Assert.Equal(x, b.Next());
            differs |= x != c.Next();
        }
        Assert.True(differs);
    }

    [Fact]
    public void Below_stays_in_range_and_reaches_every_value()
    {
        Prng prng = new(7);
        bool[] seen = new bool[10];
        for (int i = 0; i < 1000; i++) { seen[prng.Below(10)] = true; }
        Assert.DoesNotContain(false, seen);
    }
}

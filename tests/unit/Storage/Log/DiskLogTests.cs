using Fastblock.Storage.Log;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Log;

/// <summary>The log as a whole against a naive model.</summary>
public class DiskLogTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_operations_over_many_rounds_of_the_ring_match_the_model(ulong seed)
    {
        using LogWorld world = new(seed);
        Assert.True(world.TryOpenAndCheck());
        for (int step = 0; step < 6000; step++)
        {
            world.Step();
            if (step % 1500 == 1499) { world.Check(); }
        }
        world.Iterate(200);
        world.Check();
        Assert.True(world.Log!.Statistics.SegmentsFreed > 30, $"freed {world.Log.Statistics.SegmentsFreed}");
        world.Close();
        Assert.True(world.TryOpenAndCheck());
        world.Close();
    }
}

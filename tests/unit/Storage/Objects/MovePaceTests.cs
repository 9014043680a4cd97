using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>Goal: moves home step back behind clients as long as the log has room, and only so long.</summary>
public sealed class MovePaceTests
{
    [Fact]
    public void Without_pressure_a_move_keeps_the_devices_queue_short_and_takes_its_time()
    {
        (int queueAtEase, long nanosAtEase) = Clean(pressure: 0);
        (int queueInHurry, long nanosInHurry) = Clean(pressure: 100);
        Assert.Equal(1, queueAtEase);
        Assert.Equal(3, queueInHurry);
        // Three times the work's time are added to it; the device's delays are drawn by lot.
        Assert.True(nanosAtEase > 2 * nanosInHurry, $"{nanosAtEase} ns at ease, {nanosInHurry} ns in a hurry");
    }

    [Fact]
    public void A_move_that_is_at_ease_hurries_as_soon_as_the_pressure_comes()
    {
        (_, long nanosAtEase) = Clean(pressure: 0);
        (int queue, long nanos) = Clean(pressure: 0, pressAfterSteps: 20);
        Assert.Equal(3, queue);
        Assert.True(nanos < nanosAtEase, $"{nanos} ns with pressure later, {nanosAtEase} ns without");
    }

    /// <summary>Fills a segment and cleans it.</summary>
    private static (int MostPending, long Nanos) Clean(int pressure, int pressAfterSteps = int.MaxValue)
    {
        using ObjectWorld world = new(seed: 5, moveObjects: 3, moveBlocks: 16, chunk: 8) { Objects = 6, Images = 1, Groups = 1 };
        for (int block = 0; block < 28; block++) { Assert.True(world.TryWrite(world.PickObject().Group, world.PickObject().Object, block % 14, 1)); }
        world.Settle();
        int steps = 0;
        long start = world.Reactor.NowNanos;
        int before = world.Device.MostPending;
        Assert.Equal(0, before);
        ReactorTask<Errno> task = world.StartClean(() => steps > pressAfterSteps ? 100 : pressure);
        for (; !task.IsCompleted; steps++)
        {
            Assert.True(steps < 20_000, "the move does not end");
            world.Step();
        }
        Assert.Equal(Errno.None, task.TakeResult());
        return (world.Device.MostPending, world.Reactor.NowNanos - start);
    }
}

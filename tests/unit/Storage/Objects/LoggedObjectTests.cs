using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>Goal: log, key-value store, cleaner and object store together lose nothing and mix up nothing. Method: a random workload
/// that turns the ring over many times, power cuts at random or at every write, replay, comparison with the model.</summary>
public sealed class LoggedObjectTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Many_lives_on_a_small_ring_lose_nothing(ulong seed)
    {
        using LoggedObjectWorld world = new(seed);
        Assert.True(world.TryOpen());
        long freed = 0, moved = 0;
        for (int life = 0; life < 25; life++)
        {
            world.Device.CutAtWrite = world.Device.Writes + 20 + world.Prng.Below(400);
            for (int step = 0; step < 600 && !world.Device.IsCut; step++)
            {
                world.Step();
                if (step % 100 == 99 && !world.Device.IsCut) { world.Check(); }
            }
            freed += world.Log!.Statistics.SegmentsFreed;
            moved += world.Store!.Statistics.BlocksMoved;
            world.Crash(onlyProcess: world.Prng.Chance(200_000));
            world.Device.CutAtWrite = world.Prng.Chance(300_000) ? world.Device.Writes + 1 + world.Prng.Below(3) : int.MaxValue;
            while (!world.TryOpen())
            {
                world.Crash(onlyProcess: false);
                world.Device.CutAtWrite = int.MaxValue;
            }
            world.Device.CutAtWrite = int.MaxValue;
            world.Check();
        }
        Assert.True(freed > 20, $"only {freed} segments were freed");
        Assert.True(moved > 100, $"only {moved} blocks were moved");
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void A_power_cut_at_any_write_while_the_ring_is_cleaned_loses_nothing(ulong seed)
    {
        bool cut = true;
        for (int n = 1; cut; n += 1)
        {
            Assert.True(n < 3000);
            using LoggedObjectWorld world = new(seed);
            Assert.True(world.TryOpen());
            for (int step = 0; step < 200; step++) { world.Step(); }
            world.Device.CutAtWrite = world.Device.Writes + n;
            for (int step = 0; step < 100 && !world.Device.IsCut; step++) { world.Step(); }
            cut = world.Device.IsCut;
            world.Crash(onlyProcess: false);
            Assert.True(world.TryOpen(), $"cut at write {n}");
            world.Check();
        }
    }
}

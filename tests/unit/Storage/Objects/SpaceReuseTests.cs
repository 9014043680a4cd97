using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>Space that was given up may be written again only when nobody can need its old contents.</summary>
public sealed class SpaceReuseTests
{
    private static readonly PgId Group = new(new PoolId(1), 0);
    private static readonly ObjectId Object = new(new ImageId(1), 0);

    [Fact]
    public void A_unit_is_not_free_before_the_record_that_drops_it_is_durable()
    {
        using ObjectWorld world = new(1);
        Assert.True(world.TryWrite(Group, Object, 0, 16));
        world.CleanEverything();
        uint before = world.Store.Blobs.FreeAus;
        world.Records.Hold = true;
        Assert.True(world.TryDiscard(Group, Object, 0, 16));
        for (int i = 0; i < 100; i++) { world.Step(); }
        Assert.Equal(before, world.Store.Blobs.FreeAus);
        Assert.True(world.Store.Blobs.LeavingAus > 0);
        world.Records.Hold = false;
        world.Settle();
        Assert.True(world.Store.Blobs.FreeAus > before);
        Assert.Equal(0, world.Store.UsedBytes);
    }

    [Fact]
    public void A_unit_is_not_free_before_the_reads_that_saw_it_have_ended()
    {
        using ObjectWorld world = new(2);
        Assert.True(world.TryWrite(Group, Object, 0, 16));
        world.CleanEverything();
        uint before = world.Store.Blobs.FreeAus;
        Hold(world, true);
        _ = world.StartRead(Group, Object, 0, 16);
        Assert.True(world.TryDiscard(Group, Object, 0, 16));
        for (int i = 0; i < 100; i++) { world.Step(); }
        Assert.False(world.Records.HasPending);
        Assert.Equal(before, world.Store.Blobs.FreeAus);
        Hold(world, false);
        world.Settle(); // the world checks that the read returned what was there when it began
        Assert.True(world.Store.Blobs.FreeAus > before);
    }

    [Fact]
    public void A_block_is_not_overwritten_at_home_under_a_read_of_its_old_contents()
    {
        using ObjectWorld world = new(3);
        Assert.True(world.TryWrite(Group, Object, 0, 4));
        world.CleanEverything();
        Hold(world, true);
        _ = world.StartRead(Group, Object, 0, 4);
        Assert.True(world.TryWrite(Group, Object, 1, 2));
        ReactorTask<Errno> cleaning = world.StartClean();
        for (int i = 0; i < 100; i++) { world.Step(); }
        Assert.False(cleaning.IsCompleted);
        Hold(world, false);
        Assert.True(world.Run(cleaning));
        world.EndClean();
        world.CheckAll();
    }

    private static void Hold(ObjectWorld world, bool hold)
    {
        world.Device.HoldFrom = world.Options.DataOffset;
        world.Device.HoldReads = hold;
    }
}

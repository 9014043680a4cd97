using Fastblock.Native.Base;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>A full device refuses new space, and nothing else.</summary>
public sealed class FullDeviceTests
{
    private static readonly PgId Group = new(new PoolId(1), 0);

    [Fact]
    public void What_was_accepted_finds_its_home_and_a_trim_makes_room_again()
    {
        using ObjectWorld world = new(1, dataAus: 40, segments: 16, reserve: 8) { Objects = 12, Images = 1, Groups = 1 };
        int written = Fill(world);
        Assert.InRange(written, 20, 32);
        Assert.Equal(0, world.Store.FreeBytes);
        world.CleanEverything();
        world.CheckAll();
        world.CheckAccounting();
        // Overwriting what has its space is no question of room.
        Assert.True(world.TryWrite(Group, Obj(0), 0, 4));
        world.CleanEverything();
        Assert.False(world.TryWrite(Group, Obj(20), 0, 1));
        Assert.True(world.TryDiscard(Group, Obj(0), 0, world.Options.BlocksPerObject));
        Assert.True(world.TryWrite(Group, Obj(20), 0, 1)); // at once: what is being freed counts
        world.CleanEverything();
        world.CheckAll();
        world.CheckAccounting();
    }

    [Fact]
    public void A_released_reservation_gives_its_room_back_exactly()
    {
        using ObjectWorld world = new(2);
        long free = world.Store.FreeBytes;
        Assert.Equal(Errno.None, world.Store.TryReserve(Group, Obj(1), 0, 16));
        Assert.Equal(Errno.None, world.Store.TryReserve(Group, Obj(1), 3, 2));
        Assert.True(world.Store.FreeBytes < free);
        world.Store.Release(Group, Obj(1));
        world.Store.Release(Group, Obj(1));
        Assert.Equal(free, world.Store.FreeBytes);
        Assert.Equal(0, world.Store.ObjectCount);
    }

    [Fact]
    public void A_reservation_survives_a_discard_that_empties_its_unit()
    {
        using ObjectWorld world = new(3, dataAus: 16, reserve: 8, segments: 16);
        while (world.TryWrite(Group, Obj(0), 0, 2) && world.Store.FreeBytes > 0 && world.TryWrite(Group, Obj(1), 0, 16)) { }
        world.CleanEverything();
        long free = world.Store.FreeBytes;
        Assert.Equal(Errno.None, world.Store.TryReserve(Group, Obj(0), 0, 2)); // an overwrite: needs nothing
        Assert.True(world.TryDiscard(Group, Obj(0), 0, 2));
        world.Settle();
        Assert.Equal(free, world.Store.FreeBytes); // the write on its way still has its unit
        world.Store.Release(Group, Obj(0));
        Assert.True(world.Store.FreeBytes > free);
    }

    [Fact]
    public void Outside_the_object_is_invalid()
    {
        using ObjectWorld world = new(4);
        Assert.Equal(Errno.Invalid, world.Store.TryReserve(Group, Obj(0), 0, 17));
        Assert.Equal(Errno.Invalid, world.Store.TryReserve(Group, Obj(0), -1, 1));
        Assert.Equal(Errno.Invalid, world.Store.TryReserve(Group, Obj(0), 16, 1));
        Assert.Equal(Errno.Invalid, world.Store.TryReserve(Group, Obj(0), 0, 0));
        Assert.Equal(Errno.Invalid, world.Store.TryReserve(Group, Obj(0), int.MaxValue, int.MaxValue));
    }

    private static ObjectId Obj(uint index) => new(new ImageId(1), index);

    private static int Fill(ObjectWorld world)
    {
        int units = 0;
        for (uint o = 0; o < 12; o++)
        {
            for (int block = 0; block < world.Options.BlocksPerObject; block += world.Options.BlocksPerAu)
            {
                if (!world.TryWrite(Group, Obj(o), block, 1)) { return units; }
                units++;
            }
        }
        return units;
    }
}

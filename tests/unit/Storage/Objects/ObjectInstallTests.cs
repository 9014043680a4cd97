using Fastblock.Native.Base;
using Fastblock.Storage.Objects;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>Goal: an object that a peer hands over takes the place of what is wrong here, and of nothing that is newer.</summary>
public sealed class ObjectInstallTests
{
    private static readonly PgId Group = new(1);
    private static readonly ObjectId Object = new(new ImageId(1), 0);

    [Fact]
    public void A_version_within_the_handed_state_is_replaced_however_new_it_looks()
    {
        using ObjectWorld world = new(1);
        Assert.True(world.TryWrite(Group, Object, 0, 6));
        world.CleanEverything();
        ulong mine = world.Store.VersionOf(Group, Object);
        Assert.True(mine > 0);
        ulong theirs = mine + 1;
        Assert.True(world.TryWrite(Group, Object, 0, 6));
        world.CleanEverything();
        ulong newer = world.Store.VersionOf(Group, Object);
        Assert.True(newer >= theirs);
        // Same version, or beyond the state: the log behind the state brings it.
        Assert.Equal(Errno.Stale, world.Store.BeginInstall(Group, Object, newer, newer + 5, out _));
        Assert.Equal(Errno.Stale, world.Store.BeginInstall(Group, Object, mine, newer - 1, out _));
        // Within the state, but not what the leader has: a crash in the middle of a hand-over may leave such a thing.
        Assert.Equal(Errno.None, world.Store.BeginInstall(Group, Object, mine, newer, out ObjectInstall? install));
        Assert.True(world.Run(install!.CommitAsync()));
        Assert.Equal(mine, world.Store.VersionOf(Group, Object));
        world.EndInstall(Group, Object, installed: true);
        world.CheckAll();
        world.CheckAccounting();
    }
}

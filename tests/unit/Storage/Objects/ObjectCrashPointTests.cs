using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Objects;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>Goal: a power cut at any device write of an operation leaves everything readable as it was or as it should be. Method:
/// cut after the n-th write, flush or durable record, n = 0, 1, 2, ... until the operation ends by itself; un-flushed writes are
/// kept, lost or torn at random; then restart, replay and compare with the model.</summary>
public sealed class ObjectCrashPointTests
{
    private static readonly PgId Group = new(new PoolId(1), 0);
    private static readonly ObjectId Object = new(new ImageId(1), 0);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Moving_home(ulong seed) => EveryPoint(seed, world => world.Clean());

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Moving_home_over_older_contents(ulong seed) => EveryPoint(seed, world =>
    {
        if (!world.Clean()) { return false; }
        for (int i = 0; i < 12; i++)
        {
            (PgId group, ObjectId obj) = world.PickObject();
            _ = world.TryWrite(group, obj, world.Prng.Below(12), 1 + world.Prng.Below(4));
        }
        while (world.UsedSegments > 1)
        {
            if (!world.Clean()) { return false; }
        }
        return world.Clean();
    });

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    public void Discarding_and_deleting(ulong seed) => EveryPoint(seed, world =>
    {
        if (!world.Clean()) { return false; }
        Assert.True(world.TryDiscard(Group, Object, 0, world.Options.BlocksPerObject));
        if (!world.Run(world.Store.FlushAsync())) { return false; }
        Assert.True(world.TryDeleteImage(Group, new ImageId(2)));
        Assert.True(world.TryCutImage(Group, new ObjectId(new ImageId(1), 1)));
        if (!world.Run(world.Store.FlushAsync())) { return false; }
        _ = world.TryWrite(Group, Object, 3, 4);
        return world.Clean();
    });

    [Theory]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(11)]
    public void Installing_an_object(ulong seed)
    {
        for (int n = 0; ; n++)
        {
            using ObjectWorld world = Prepare(seed);
            ulong version = world.NextIndex() + 100;
            world.Device.StopAfter = world.Device.Steps + n;
            Assert.Equal(Errno.None, world.Store.BeginInstall(Group, Object, version, version, out ObjectInstall? install));
            PooledBuffer buffer = world.Reactor.Buffers.TryRent(64 * 1024)!;
            uint[] crcs = world.NewContents(Group, Object, 2, 5, buffer);
            bool done = world.Run(install!.WriteAsync(2, 5, buffer, 0, crcs)) && world.Run(install.CommitAsync());
            buffer.Release();
            world.Crash();
            // The record decides which of the two it is.
            world.EndInstall(Group, Object, world.Store.VersionOf(Group, Object) == version);
            Assert.True(!done || world.Store.VersionOf(Group, Object) == version);
            world.CheckAll();
            world.Store.CheckInvariants();
            if (done) { return; }
        }
    }

    private static void EveryPoint(ulong seed, Func<ObjectWorld, bool> operation)
    {
        for (int n = 0; ; n++)
        {
            Assert.True(n < 2000, "the operation never ends");
            using ObjectWorld world = Prepare(seed);
            world.Device.StopAfter = world.Device.Steps + n;
            bool done = operation(world);
            world.Crash();
            world.CheckAll();
            world.Store.CheckInvariants();
            world.CleanEverything();
            world.CheckAll();
            world.CheckAccounting();
            if (done) { return; }
        }
    }

    private static ObjectWorld Prepare(ulong seed)
    {
        ObjectWorld world = new(seed);
        Assert.True(world.TryWrite(Group, Object, 0, 6));
        for (int i = 0; i < 10; i++)
        {
            (PgId group, ObjectId obj) = world.PickObject();
            int first = world.Prng.Below(12);
            if (i % 4 == 3) { Assert.True(world.TryDiscard(group, obj, first, 3)); }
            else { Assert.True(world.TryWrite(group, obj, first, 1 + world.Prng.Below(4))); }
        }
        return world;
    }
}

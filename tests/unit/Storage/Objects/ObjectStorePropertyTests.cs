using System;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>Goal: every block always reads as it was written last, or as zeros, whatever moves, is freed, is re-used or crashes in
/// the meantime. Method: random operations with reads under way all the time, on a device that completes in any order,
/// against a naive model.</summary>
public sealed class ObjectStorePropertyTests
{
    public static TheoryData<ulong> Seeds()
    {
        TheoryData<ulong> seeds = [];
        for (ulong seed = 1; seed <= 40; seed++) { seeds.Add(seed); }
        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_operations_with_crashes_read_back_as_the_model_says(ulong seed)
    {
        using ObjectWorld world = new(seed, dataAus: 64 + (int)(seed * 7 % 192), auBytes: 4096 << (int)(seed % 3));
        Prng prng = world.Prng;
        ReactorTask<Errno>? cleaning = null;
        for (int step = 0; step < 1500; step++)
        {
            (PgId group, ObjectId obj) = world.PickObject();
            int first = prng.Below(world.Options.BlocksPerObject);
            int blocks = 1 + prng.Below(Math.Min(8, world.Options.BlocksPerObject - first));
            int what = prng.Below(1000);
            if (what < 400) { _ = world.TryWrite(group, obj, first, blocks); }
            else if (what < 650) { _ = world.StartRead(group, obj, first, blocks); }
            else if (what < 720) { _ = world.TryDiscard(group, obj, first, blocks); }
            else if (what < 725) { _ = world.TryDiscard(group, obj, 0, world.Options.BlocksPerObject); }
            else if (what < 728) { _ = world.TryDeleteImage(group, obj.Image); }
            else if (what < 731)
            {
                world.Crash();
                cleaning = null;
            }
            else if (what < 735) { _ = world.TryCutImage(group, obj); }
            else if (cleaning is null && (what < 760 || world.UsedSegments > 3)) { cleaning = world.StartClean(); }
            if (what % 3 == 0) { world.Step(); }
            if (step % 16 == 0) { world.Store.CheckInvariants(); }
            if (cleaning is { IsCompleted: true } ended)
            {
                Assert.Equal(Errno.None, ended.TakeResult());
                world.EndClean();
                cleaning = null;
            }
        }
        if (cleaning is { } last && world.Run(last)) { world.EndClean(); }
        world.CheckAll();
        world.Store.CheckInvariants();
        world.Crash();
        world.CheckAll();
        world.CleanEverything();
        world.CheckAll();
        world.CheckAccounting();
    }
}

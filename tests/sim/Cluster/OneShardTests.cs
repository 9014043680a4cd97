using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Net.Proto;
using Fastblock.Raft;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Osd;
using Fastblock.Roles.Replication;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;
using Fastblock.Storage.Objects;
using Xunit;

namespace Fastblock.Tests.Sim.Cluster;

/// <summary>What a shard does on the word of the map, and what it reports.</summary>
public sealed class OneShardTests
{
    [Fact]
    public void A_purge_that_found_no_free_operation_is_proposed_later_without_a_change_of_the_map()
    {
        using OneShard world = new(1);
        world.Start();
        world.PutPool();
        ImageInfo image = new() { Id = new ImageId(3), Name = "gone", Pool = OneShard.Pg.Pool, SizeBytes = 1 << 20, State = ImageState.Purging };
        List<WriteOp> taken = [];
        world.Do(shard =>
        {
            while (shard.WriteOps.TryRent() is { } op) { taken.Add(op); }
            OneShard.Put(shard, MapKeys.Image(image.Id), image.ToBytes(), 9);
            shard.OnMapChanged();
        });
        world.Sim.RunFor(3 * Units.NanosPerSecond);
        Assert.False(HasReported(world, image.Id));
        world.Do(shard => taken.ForEach(shard.WriteOps.Return));
        world.Require(() => HasReported(world, image.Id), "the purge is reported");
    }

    [Fact]
    public void A_map_from_before_a_purge_does_not_bring_the_image_back()
    {
        using OneShard world = new(5);
        world.Start();
        world.PutPool();
        ImageInfo image = new() { Id = new ImageId(3), Name = "gone", Pool = OneShard.Pg.Pool, SizeBytes = 1 << 20 };
        PutImage(world, image, epoch: 8);
        Assert.Equal(DataStatus.Ok, Find(world, image.Id));
        PutImage(world, image with { State = ImageState.Purging }, epoch: 9);
        world.Require(() => HasReported(world, image.Id), "the purge is reported");
        Assert.Equal(DataStatus.NoSuchImage, Find(world, image.Id));
        Restart(world);
        world.PutPool();
        PutImage(world, image, epoch: 8);
        Assert.Equal(DataStatus.Again, Find(world, image.Id));
        PutImage(world, image with { Id = new ImageId(4), Name = "other" }, epoch: 10);
        Assert.Equal(DataStatus.Ok, Find(world, new ImageId(4)));
    }

    [Fact]
    public void A_cut_frees_what_lies_beyond_and_is_done_once_also_after_a_restart()
    {
        using OneShard world = new(6);
        world.Start();
        world.PutPool();
        ImageInfo image = new()
        {
            Id = new ImageId(3),
            Name = "cut",
            Pool = OneShard.Pg.Pool,
            SizeBytes = 4 << 20,
            OwnerGeneration = 1,
            SizeGeneration = 1,
            IsShrinking = true,
        };
        world.Do(shard =>
        {
            for (uint index = 0; index < 3; index++) { shard.Objects.ApplyWrite(OneShard.Pg, new ObjectId(image.Id, index), 1, 0, 1, new LogLocation(4096), [0]); }
        });
        PutImage(world, image, epoch: 9);
        world.Require(() => world.Reports.Exists(report => report.Pgs.Any(pg => pg.CutImages.Any(cut => cut.SizeGeneration == 1))), "the cut is reported");
        LogIndex logged = world.Shard!.Pgs.Single().Group!.LastIndex;
        world.Do(shard =>
        {
            Assert.Equal(0, Blocks(shard, new ObjectId(image.Id, 2)));
            Assert.Equal(1, Blocks(shard, new ObjectId(image.Id, 0)));
        });
        world.Reports.Clear();
        Restart(world);
        world.PutPool();
        PutImage(world, image, epoch: 9);
        world.Require(() => world.Reports.Exists(report => report.Pgs.Any(pg => pg.CutImages.Count > 0)), "it is reported again");
        Assert.Equal(logged.Value + 1, world.Shard!.Pgs.Single().Group!.LastIndex.Value); // a new leader's own entry
    }

    private static int Blocks(OsdShard shard, ObjectId target)
    {
        Span<ulong> map = stackalloc ulong[16];
        map.Clear();
        _ = shard.Objects.GetBlockMap(OneShard.Pg, target, map);
        int blocks = 0;
        foreach (ulong word in map) { blocks += System.Numerics.BitOperations.PopCount(word); }
        return blocks;
    }

    private static void PutImage(OneShard world, ImageInfo image, ulong epoch) => world.Do(shard =>
    {
        OneShard.Put(shard, MapKeys.Image(image.Id), image.ToBytes(), epoch);
        shard.OnMapChanged();
    });

    private static DataStatus Find(OneShard world, ImageId image)
    {
        DataStatus status = DataStatus.Last;
        world.Do(shard => status = shard.Pgs.Single().FindImage(image, default, out _, out _));
        return status;
    }

    [Fact]
    public void A_replica_that_was_supplied_anew_is_not_reported_as_lost_any_more()
    {
        using OneShard world = new(2);
        world.Start();
        world.PutPool();
        PgReplica pg = world.Shard!.Pgs.Single();
        world.Do(shard => shard.Host.OnEntryLost(OneShard.Pg, 1));
        world.Sim.RunFor(Units.NanosPerSecond);
        Assert.Equal(PgRole.Lost, pg.MakeStat(always: true)!.Role);
        world.Do(_ => Assert.Equal(Errno.None, pg.FinishHandOver(new GroupBase
        {
            Index = new LogIndex(pg.Group!.Commit.Value + 5),
            Term = pg.Group.Term,
            LeaderEnd = default,
        })));
        world.Sim.RunFor(Units.NanosPerSecond);
        Assert.NotEqual(PgRole.Lost, pg.MakeStat(always: true)!.Role);
    }

    /// <summary>The entry is in the leader's log: refused here, it would keep away all that comes behind it, trims included.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 16)]
    public void Without_room_a_leader_refuses_and_a_follower_takes_a_sixteenth_of_its_log(uint replicas, int taken)
    {
        using OneShard world = new(4);
        world.Start();
        world.PutPool(replicas);
        for (int round = 0; round < 2; round++)
        {
            world.Do(shard => FillUp(shard, taken));
            world.Do(shard => shard.Objects.Release(OneShard.Pg, new ObjectId(new ImageId(1), 0)));
            world.Sim.RunFor(Units.NanosPerMilli); // now all that was taken could have had its room
        }
    }

    private static void FillUp(OsdShard shard, int taken)
    {
        PgReplica pg = shard.Pgs.Single();
        uint filled = 0;
        while (shard.Objects.TryReserve(pg.Id, new ObjectId(new ImageId(1), filled), 0, 1) == Errno.None) { filled++; }
        Assert.Equal(0, shard.Objects.FreeBytes);
        for (int again = 0; again < taken * 2; again++)
        {
            // The log refuses it each time.
            Assert.Equal(Errno.None, Reserve(pg, 1));
            pg.OnDropped(View(1, HeaderOf(1)));
        }
        int count = 0;
        while (Reserve(pg, (ulong)count + 1) == Errno.None) { count++; }
        Assert.Equal(taken, count);
        for (; count > 0; count--) { pg.OnDropped(View((ulong)count, HeaderOf((ulong)count))); }
    }

    private const int WriteBlocks = 16;

    private static Errno Reserve(PgReplica pg, ulong index) => pg.Reserve(View(index, HeaderOf(index)));

    private static EntryView View(ulong index, byte[] header) => new()
    {
        Index = new LogIndex(index),
        Term = new Term(1),
        Kind = EntryKind.Data,
        Header = header,
        PayloadBytes = WriteBlocks * Units.BlockBytes,
    };

    private static byte[] HeaderOf(ulong index)
    {
        byte[] bytes = new byte[PgOpHeader.SizeBytes];
        new PgOpHeader { Kind = PgOpKind.Write, Image = 2, ObjectIndex = (uint)index, Blocks = WriteBlocks }.Write(bytes);
        return bytes;
    }

    [Fact]
    public void What_a_hand_over_left_of_a_PG_that_was_removed_meanwhile_is_deleted_after_the_next_start()
    {
        using OneShard world = new(3);
        world.Start();
        PgId gone = new(new PoolId(2), 4);
        bool installed = false;
        world.Do(shard => LeaveAsync(shard).Forget());
        world.Require(() => installed, "the object is there");
        Restart(world);
        Assert.Equal([gone], world.Shard!.Objects.LoadedGroups);
        world.PutPool(); // a map that does not know of the other PG
        world.Sim.RunFor(Units.NanosPerSecond);
        Restart(world);
        Assert.DoesNotContain(gone, world.Shard!.Objects.LoadedGroups);
        world.Do(shard =>
        {
            byte[] prefix = new byte[PgKeys.PrefixBytes];
            PgKeys.Prefix(gone, prefix);
            Assert.False(shard.Kv.Scan(prefix).Next());
        });

        async ReactorTask LeaveAsync(OsdShard shard)
        {
            Assert.Equal(Errno.None, shard.Objects.BeginInstall(gone, new ObjectId(new ImageId(1), 0), 9, 9, out ObjectInstall? install));
            Assert.Equal(Errno.None, await install!.CommitAsync());
            byte[] key = new byte[PgKeys.ImageBytes];
            PgKeys.Image(gone, new ImageId(1), key);
            KvBatch batch = new();
            Assert.True(batch.TryPut(key, new byte[8]));
            Assert.Equal(Errno.None, shard.Kv.Commit(batch, null, out ulong sequence));
            Assert.Equal(Errno.None, await shard.SharedLog.WaitDurableAsync(sequence));
            installed = true;
        }
    }

    private static void Restart(OneShard world)
    {
        world.Kill();
        world.Start();
    }

    private static bool HasReported(OneShard world, ImageId image) =>
        world.Reports.Exists(report => report.Pgs.Any(pg => pg.PurgedImages.Contains(image.Value)));
}

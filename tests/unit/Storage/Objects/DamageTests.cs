using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Objects;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Objects;

/// <summary>Rot is found and named, never returned and never fatal.</summary>
public sealed class DamageTests
{
    private static readonly PgId Group = new(new PoolId(1), 0);
    private static readonly ObjectId Object = new(new ImageId(1), 0);

    private sealed class Sink : IObjectDamageSink
    {
        public List<(ObjectId Object, ObjectDamage Damage, int Block)> Found { get; } = [];

        public void OnDamage(PgId group, ObjectId obj, ObjectDamage damage, int block) => Found.Add((obj, damage, block));
    }

    private sealed class PlainRead : ObjectRead
    {
        public Errno? Result { get; private set; }

        protected override void OnCompleted(Errno status) => Result = status;
    }

    [Fact]
    public void A_rotten_block_at_home_is_named()
    {
        using ObjectWorld world = new(1);
        Assert.True(world.TryWrite(Group, Object, 0, 8));
        world.CleanEverything();
        world.Device.Bytes[Find(world, block: 5) + 100] ^= 1;
        PlainRead read = Read(world, 0, 8);
        Assert.Equal(Errno.BadMessage, read.Result);
        Assert.Equal(5, read.BadBlock);
        Assert.Equal(Errno.None, Read(world, 0, 5).Result);
        Assert.Equal(1, world.Store.Statistics.BadBlocks);
    }

    [Fact]
    public void A_rotten_checksum_page_makes_its_blocks_unreadable_until_they_are_written_again()
    {
        using ObjectWorld world = new(2);
        Assert.True(world.TryWrite(Group, Object, 0, 8));
        world.CleanEverything();
        world.Crash(); // forgets the cache
        DamageCrcPage(world);
        PlainRead read = Read(world, 2, 3);
        Assert.Equal(Errno.BadMessage, read.Result);
        Assert.Equal(2, read.BadBlock);
        Assert.True(world.TryWrite(Group, Object, 0, 8));
        world.CleanEverything();
        world.CheckAll();
    }

    [Fact]
    public void A_block_that_rots_in_the_log_stays_an_error_at_home_and_holds_nothing_up()
    {
        using ObjectWorld world = new(3);
        Assert.True(world.TryWrite(Group, Object, 0, 4));
        world.Device.Bytes[(2 * Units.BlockBytes) + 9] ^= 8;
        Assert.Equal(2, Read(world, 0, 4).BadBlock);
        world.CleanEverything();
        PlainRead read = Read(world, 0, 4);
        Assert.Equal(Errno.BadMessage, read.Result);
        Assert.Equal(2, read.BadBlock);
        Assert.Equal(Errno.None, Read(world, 3, 1).Result);
    }

    [Fact]
    public void A_block_of_the_log_that_cannot_be_read_holds_nothing_up()
    {
        using ObjectWorld world = new(4);
        Assert.True(world.TryWrite(Group, Object, 0, 4));
        world.Device.FailReadsAt = Units.BlockBytes;
        Assert.Equal(Errno.Io, Read(world, 0, 4).Result);
        world.CleanEverything();
        world.Device.FailReadsAt = -1;
        Assert.Equal(1, Read(world, 0, 4).BadBlock);
        Assert.Equal(Errno.None, Read(world, 2, 2).Result);
    }

    [Fact]
    public void A_failing_home_write_leaves_the_blocks_in_the_log()
    {
        using ObjectWorld world = new(5);
        Assert.True(world.TryWrite(Group, Object, 0, 4));
        world.Device.FailWrites = true;
        _ = world.Run(world.StartClean(), Errno.Io);
        world.CheckAll();
        world.Device.FailWrites = false;
        world.CleanEverything();
        world.CheckAll();
        world.CheckAccounting();
    }

    [Fact]
    public void The_audit_finds_every_rotten_block_and_nothing_else()
    {
        using ObjectWorld world = new(6);
        Assert.True(world.TryWrite(Group, Object, 0, 16));
        Assert.True(world.TryWrite(Group, new ObjectId(new ImageId(2), 3), 1, 2));
        world.CleanEverything();
        Assert.True(world.TryWrite(Group, Object, 3, 1)); // covered by the overlay
        Sink sink = new();
        ObjectAudit audit = new(world.Store);
        Assert.Equal(0, Check(world, audit, sink).Damages);
        foreach (int block in new[] { 3, 7, 8, 15 }) { world.Device.Bytes[Find(world, block)] ^= 1; }
        ObjectAuditResult result = Check(world, audit, sink);
        Assert.Equal([7, 8, 15], sink.Found.Select(f => f.Block));
        Assert.Equal(2, result.Objects);
        Assert.Equal(0, result.LeakedAus);
    }

    [Fact]
    public void Two_records_that_share_a_unit_are_reported_and_the_second_is_not_taken()
    {
        using ObjectWorld world = new(7);
        Assert.True(world.TryWrite(Group, Object, 0, 2));
        Assert.True(world.TryWrite(Group, new ObjectId(new ImageId(1), 1), 0, 2));
        world.CleanEverything();
        List<string> keys = [.. world.Records.Durable.Keys];
        byte[] second = [.. world.Records.Durable[keys[1]]];
        world.Records.Durable[keys[0]].AsSpan(28, 4).CopyTo(second.AsSpan(28)); // first unit of the first run
        world.Records.Damage(keys[1], second);
        Sink sink = new();
        using ObjectStore store = new(world.Reactor, world.Device, world.Records, world.Options);
        ObjectLoadResult result = store.Load(sink);
        Assert.Equal(new ObjectLoadResult(1, 1), result);
        Assert.Equal((new ObjectId(new ImageId(1), 1), ObjectDamage.DoubleReference, -1), Assert.Single(sink.Found));
        store.CheckInvariants();
    }

    [Fact]
    public void Replicas_with_the_same_contents_have_the_same_checksum_wherever_the_blocks_lie()
    {
        using ObjectWorld a = new(8);
        using ObjectWorld b = new(9);
        foreach (ObjectWorld world in new[] { a, b })
        {
            Assert.True(world.TryWrite(Group, Object, 0, 8));
            Assert.True(world.TryWrite(Group, new ObjectId(new ImageId(1), 1), 0, 8));
            if (world == b) { world.CleanEverything(); }
            Assert.True(world.TryWrite(Group, Object, 2, 2));
            Assert.True(world.TryDiscard(Group, Object, 6, 1));
        }
        ulong first = Digest(a);
        Assert.Equal(first, Digest(b));
        Assert.True(b.TryDiscard(Group, Object, 0, 1));
        Assert.NotEqual(first, Digest(b));
    }

    private static ulong Digest(ObjectWorld world)
    {
        ObjectAudit audit = new(world.Store);
        List<ObjectChecksum> sums = [];
        _ = world.Run(audit.ChecksumAsync(Group, sums));
        return ObjectChecksum.Combine(sums, audit.EmptyDigest);
    }

    private static ObjectAuditResult Check(ObjectWorld world, ObjectAudit audit, Sink sink)
    {
        ReactorTask<ObjectAuditResult> task = audit.CheckAsync(sink);
        for (int i = 0; i < 10_000 && !task.IsCompleted; i++) { world.Step(); }
        return task.TakeResult();
    }

    private static PlainRead Read(ObjectWorld world, int first, int blocks)
    {
        PlainRead read = new();
        PooledBuffer buffer = TestRead.Rent(world.Reactor.Buffers, blocks);
        read.Prepare(Group, Object, first, blocks, buffer);
        world.Store.Read(read);
        for (int i = 0; i < 1000 && read.Result is null; i++) { world.Step(); }
        buffer.Release();
        return read;
    }

    private static unsafe int Find(ObjectWorld world, int block)
    {
        uint number = world.Store.Onodes.Find(new ObjectKey(Group, Object));
        return (int)world.Store.HomeAddress(OnodeTable.Units(world.Store.Onodes[number]), block);
    }

    private static unsafe void DamageCrcPage(ObjectWorld world)
    {
        uint number = world.Store.Onodes.Find(new ObjectKey(Group, Object));
        world.Device.Bytes[world.Store.Blobs.Geometry.AddressOfPage(world.Store.Onodes[number]->CrcPage) + 1] ^= 4;
    }
}

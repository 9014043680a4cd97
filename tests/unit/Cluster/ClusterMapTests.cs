using System;
using Fastblock.Native.Base;
using Fastblock.Roles.Cluster;
using Xunit;

namespace Fastblock.Tests.Unit.Cluster;

/// <summary>The map as a mirror of records, good and bad.</summary>
public sealed class ClusterMapTests
{
    private static readonly PoolInfo Vol = new()
    {
        Id = new PoolId(1),
        Name = "vol",
        Replicas = 3,
        PgCount = 4,
        ObjectBytes = 1 << 22,
    };

    [Fact]
    public void Records_come_back_as_they_were_written()
    {
        OsdInfo osd = new()
        {
            Id = new OsdId(3),
            Device = Guid.NewGuid(),
            Host = "h",
            Rack = "r",
            Weight = 9,
            Shards = 2,
            Up = true,
            In = true,
            SizeBytes = 4096,
            Boots = 5,
            AutoOut = true,
            Changed = new Epoch(7),
        };
        Assert.True(OsdInfo.TryRead(osd.ToBytes(), new Epoch(7), out OsdInfo read));
        Assert.Equal(osd, read);
        ImageInfo image = Image(1, "a") with
        {
            Owned = true,
            OwnerInstance = Guid.NewGuid(),
            OwnerGeneration = 3,
            OwnerDescription = "d",
            AcquiredMillis = 4,
            Changed = new Epoch(2),
        };
        Assert.True(ImageInfo.TryRead(image.ToBytes(), new Epoch(2), out ImageInfo readImage));
        Assert.Equal(image, readImage);
        Assert.True(PoolInfo.TryRead(Vol.ToBytes(), default, out PoolInfo pool));
        Assert.Equal(Vol, pool);
    }

    [Fact]
    public void Reported_members_come_back_and_count_as_holders_beside_the_target()
    {
        PgMember a = new(new OsdId(1), Guid.NewGuid()), b = new(new OsdId(2), Guid.NewGuid());
        PgMember c = new(new OsdId(3), Guid.NewGuid()), d = new(new OsdId(4), Guid.NewGuid());
        PgInfo pg = new()
        {
            Id = new PgId(new PoolId(1), 2),
            Members = [a, b, c],
            Reported = new PgMembership(5, 77) { Voters = [a, b, d], Outgoing = [a, b], Learners = [c] },
        };
        Assert.True(PgInfo.TryRead(pg.ToBytes(), default, out PgInfo read));
        Assert.Equal((5UL, 77UL), (read.Reported!.Term, read.Reported.Index));
        Assert.True(read.Reported.HasSameMembers(pg.Reported));
        Assert.Equal([a, b, c, d], read.Holders);
        Assert.False(read.IsSettled);
        Assert.True((read with { Reported = new PgMembership(6, 80) { Voters = [c, b, a] } }).IsSettled);
        Assert.Equal([a, b], (read with { Members = [a, b], Reported = null }).Holders);
    }

    [Fact]
    public void A_pg_with_a_reported_configuration_without_voters_or_with_too_many_members_is_not_read()
    {
        PgInfo pg = new() { Id = new PgId(new PoolId(1), 2), Members = [new PgMember(new OsdId(1), Guid.Empty)] };
        PgInfo none = pg with { Reported = new PgMembership(1, 1) };
        Assert.False(PgInfo.TryRead(none.ToBytes(), default, out _));
        PgMember[] many = new PgMember[(2 * ClusterLimits.MaxReplicas) + 1];
        Assert.False(PgInfo.TryRead((pg with { Reported = new PgMembership(1, 1) { Voters = many } }).ToBytes(), default, out _));
        Assert.False(PgInfo.TryRead((pg with { Members = many }).ToBytes(), default, out _));
    }

    [Fact]
    public void A_uuid_is_written_big_endian()
    {
        Guid uuid = new("00112233-4455-6677-8899-aabbccddeeff");
        Assert.Equal("00112233445566778899AABBCCDDEEFF", Convert.ToHexString(UuidBytes.ToBytes(uuid).ToByteArray()));
    }

    [Fact]
    public void Keys_sort_like_numbers_and_come_back()
    {
        Assert.Equal("map/pg/00000001/0000002a", MapKeys.Pg(new PgId(new PoolId(1), 42)));
        Assert.True(MapKeys.TryParsePg("map/pg/00000001/0000002a", out PgId pg));
        Assert.Equal(new PgId(new PoolId(1), 42), pg);
        Assert.True(string.CompareOrdinal(MapKeys.Osd(new OsdId(9)), MapKeys.Osd(new OsdId(10))) < 0);
        foreach (string bad in new[] { "map/pg/1/2", "map/pg/00000001-0000002a", "map/osd/x0000000", "map/osd/", "map/image/1" })
        {
            Assert.False(MapKeys.TryParsePg(bad, out _) || MapKeys.TryParseOsd(bad, out _) || MapKeys.TryParseImage(bad, out _));
        }
    }

    [Fact]
    public void A_pool_and_its_pgs_may_arrive_in_any_order()
    {
        ClusterMap map = new();
        Assert.True(map.TryPut(MapKeys.Pg(new PgId(Vol.Id, 3)), Pg(3).ToBytes(), new Epoch(1)));
        Assert.True(map.TryPut(MapKeys.Pool(Vol.Id), Vol.ToBytes(), new Epoch(1)));
        Assert.Equal(4, map.PgsOf(Vol.Id).Length);
        Assert.False(map.TryGetPg(new PgId(Vol.Id, 0), out _));
        Assert.True(map.TryGetPg(new PgId(Vol.Id, 3), out _));
        Assert.Equal(1, map.PgCount);
        map.Remove(MapKeys.Pool(Vol.Id), new Epoch(2));
        Assert.Empty(map.Pools);
        map.Remove(MapKeys.Pg(new PgId(Vol.Id, 3)), new Epoch(2));
        Assert.Equal(0, map.PgCount);
        Assert.Equal(0, map.PoolCount);
    }

    [Fact]
    public void A_name_belongs_to_the_image_that_is_ready()
    {
        ClusterMap map = new();
        map.TryPut(MapKeys.Image(new ImageId(1)), Image(1, "a").ToBytes(), new Epoch(1));
        map.TryPut(MapKeys.Image(new ImageId(1)), (Image(1, "a") with { State = ImageState.Purging }).ToBytes(), new Epoch(2));
        Assert.False(map.TryGetImage(Vol.Id, "a", out _));
        map.TryPut(MapKeys.Image(new ImageId(2)), Image(2, "a").ToBytes(), new Epoch(3));
        map.Remove(MapKeys.Image(new ImageId(1)), new Epoch(4));
        Assert.True(map.TryGetImage(Vol.Id, "a", out ImageInfo? image));
        Assert.Equal(2u, image.Id.Value);
        map.TryPut(MapKeys.Image(new ImageId(2)), Image(2, "b").ToBytes(), new Epoch(5));
        Assert.False(map.TryGetImage(Vol.Id, "a", out _));
        Assert.Equal(new Epoch(5), map.Epoch);
    }

    [Fact]
    public void Damaged_records_are_refused_and_never_throw()
    {
        Prng prng = new(1);
        (string Key, byte[] Bytes)[] records =
        [
            (MapKeys.Cluster, new ClusterInfo { Uuid = Guid.NewGuid(), Shards = 2 }.ToBytes()),
            (MapKeys.Pool(Vol.Id), Vol.ToBytes()),
            (MapKeys.Pg(new PgId(Vol.Id, 3)), Pg(3).ToBytes()),
            (MapKeys.Image(new ImageId(1)), Image(1, "a").ToBytes()),
            (MapKeys.Osd(new OsdId(3)), new OsdInfo { Id = new OsdId(3), Device = Guid.NewGuid() }.ToBytes()),
        ];
        foreach ((string key, byte[] bytes) in records)
        {
            for (int length = 0; length < bytes.Length; length++) { _ = new ClusterMap().TryPut(key, bytes.AsSpan(0, length), default); }
            for (int bit = 0; bit < bytes.Length * 8; bit++)
            {
                byte[] flipped = [.. bytes];
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                _ = new ClusterMap().TryPut(key, flipped, default);
            }
            for (int i = 0; i < 500; i++)
            {
                byte[] random = new byte[prng.Below(100)];
                for (int b = 0; b < random.Length; b++) { random[b] = (byte)prng.Below(256); }
                _ = new ClusterMap().TryPut(key, random, default);
            }
            // A record under another one's key is a mix-up.
            if (key != MapKeys.Cluster) { Assert.False(new ClusterMap().TryPut(key[..^1] + "7", bytes, default)); }
        }
    }

    private static PgInfo Pg(uint number) => new()
    {
        Id = new PgId(Vol.Id, number),
        Members = [new PgMember(new OsdId(0), Guid.NewGuid())],
        Incarnation = 1,
    };

    private static ImageInfo Image(ulong id, string name) => new()
    {
        Id = new ImageId(id),
        Name = name,
        Pool = Vol.Id,
        SizeBytes = 4096,
    };
}

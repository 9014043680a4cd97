using System;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Mon;
using Fastblock.Storage.Kv;
using Google.Protobuf;
using Xunit;

namespace Fastblock.Tests.Unit.Mon;

/// <summary>What a monitor finds on its device: records that make no sense are refused, none makes it throw.</summary>
public sealed class MonDiskTests
{
    private static readonly byte[] State = Convert.FromHexString("0100000000000000" + "0500000000000000" + "0700000000000000");

    [Fact]
    public void The_state_record_is_pinned_and_every_other_length_or_version_is_refused()
    {
        using KvStore kv = Holding("m!state", State);
        MonDisk disk = new(kv);
        Assert.True(disk.TryLoad(new MonStore(), out ulong revision));
        Assert.Equal((5UL, 7UL), (disk.DurableApplied, revision));
        for (int length = 0; length < State.Length; length++) { Assert.False(Loads("m!state", State[..length])); }
        Assert.False(Loads("m!state", [.. State, 0]));
        for (int bit = 0; bit < State.Length * 8; bit++)
        {
            Assert.Equal(bit >= 32, Loads("m!state", Flipped(State, bit))); // the first four bytes are the version
        }
    }

    [Fact]
    public void A_value_without_its_revision_is_refused()
    {
        for (int length = 0; length <= 8; length++) { Assert.Equal(length == 8, Loads("m/x", new byte[length])); }
    }

    [Fact]
    public void Random_values_under_every_kind_of_key_are_loaded_or_refused()
    {
        PoolId pool = new(1);
        string[] keys = [MapKeys.Cluster, MapKeys.Pool(pool), MapKeys.Pg(new PgId(pool, 2)), MapKeys.Image(new ImageId(3)), "", "\ufffd", "seq/x"];
        Prng prng = new(8);
        for (int round = 0; round < 5_000; round++)
        {
            _ = Loads("m/" + keys[prng.Below(keys.Length)], Random(prng, 100));
        }
        Assert.False(Loads("m/" + MapKeys.Pool(pool), new byte[8])); // a revision and no record
        using KvStore kv = new();
        KvBatch batch = new();
        Assert.True(batch.TryPut([(byte)'m', (byte)'/', 0xFF, 0xC0], new byte[20])); // no UTF-8
        Assert.True(kv.OnReplayKv(batch.Body, 0));
        _ = new MonDisk(kv).TryLoad(new MonStore(), out _);
    }

    [Fact]
    public void Cut_flipped_and_random_identities_are_an_answer()
    {
        MonIdentity identity = new() { ClusterUuid = ByteString.CopyFrom(new byte[16]), MonId = 1, Shards = 2, CreatedMs = 3 };
        identity.Members.Add(new MonIdentityMember { Id = 1, Address = "127.0.0.1:1" });
        byte[] bytes = identity.ToByteArray();
        Assert.True(TryRead(bytes, out MonIdentity read));
        Assert.Equal(identity, read);
        for (int length = 0; length < bytes.Length; length++) { Check(bytes[..length]); }
        for (int bit = 0; bit < bytes.Length * 8; bit++) { Check(Flipped(bytes, bit)); }
        Prng prng = new(9);
        for (int round = 0; round < 5_000; round++) { Check(Random(prng, 100)); }
        using KvStore empty = new();
        Assert.False(new MonDisk(empty).TryReadIdentity(out _));

        static void Check(byte[] stored)
        {
            if (!TryRead(stored, out MonIdentity found)) { Assert.Equal(new MonIdentity(), found); }
        }
    }

    private static bool TryRead(byte[] stored, out MonIdentity identity)
    {
        using KvStore kv = Holding("m!identity", stored);
        return new MonDisk(kv).TryReadIdentity(out identity);
    }

    private static bool Loads(string key, byte[] value)
    {
        using KvStore kv = Holding(key, value);
        return new MonDisk(kv).TryLoad(new MonStore(), out _);
    }

    private static KvStore Holding(string key, byte[] value)
    {
        KvStore kv = new();
        KvBatch batch = new();
        Assert.True(batch.TryPut(Encoding.UTF8.GetBytes(key), value));
        Assert.True(kv.OnReplayKv(batch.Body, 0));
        return kv;
    }

    private static byte[] Flipped(byte[] bytes, int bit)
    {
        byte[] flipped = [.. bytes];
        flipped[bit / 8] ^= (byte)(1 << (bit % 8));
        return flipped;
    }

    private static byte[] Random(Prng prng, int maxBytes)
    {
        byte[] random = new byte[prng.Below(maxBytes + 1)];
        for (int i = 0; i < random.Length; i++) { random[i] = unchecked((byte)prng.Next()); }
        return random;
    }
}

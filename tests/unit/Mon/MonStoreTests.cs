using System;
using System.Collections.Generic;
using System.Linq;
using Fastblock.Native.Base;
using Fastblock.Net.Proto;
using Fastblock.Net.Rpc;
using Fastblock.Roles.Cluster;
using Fastblock.Roles.Mon;
using Google.Protobuf;
using Xunit;

namespace Fastblock.Tests.Unit.Mon;

/// <summary>The replicated store and how transactions travel.</summary>
public sealed class MonStoreTests
{
    [Fact]
    public void A_transaction_decided_at_another_revision_has_no_effect()
    {
        MonStore store = new();
        MonChanges first = new(store);
        MonChanges second = new(store);
        first.Put("a", [1]);
        second.Put("a", [2]);
        StoreTransaction late = second.ToTransaction();
        Assert.True(store.TryApply(first.ToTransaction()));
        Assert.False(store.TryApply(late));
        Assert.True(store.TryGet("a", out StoreValue value));
        Assert.Equal([1], value.Bytes);
        Assert.Equal(1u, store.Revision);
    }

    [Fact]
    public void Counters_give_out_each_number_once_also_within_a_transaction()
    {
        MonStore store = new();
        MonChanges changes = new(store);
        Assert.Equal(5u, changes.Take("seq/x", first: 5));
        Assert.Equal(6u, changes.Take("seq/x", first: 5, count: 10));
        Assert.Equal(16u, changes.Take("seq/x", first: 5));
        Assert.True(store.TryApply(changes.ToTransaction()));
        Assert.Equal(17u, new MonChanges(store).Take("seq/x", first: 5));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(TransactionParts.PieceBytes)]
    [InlineData(100_000)]
    public void A_transaction_comes_back_from_its_parts(int valueBytes)
    {
        StoreTransaction sent = Transaction(valueBytes);
        TransactionParts parts = new();
        List<byte[]> headers = TransactionParts.Split(sent);
        for (int i = 0; i < headers.Count; i++)
        {
            Assert.InRange(headers[i].Length, 1, 4096);
            StoreTransaction? whole = parts.Add(headers[i]);
            Assert.Equal(i < headers.Count - 1, whole is null);
            Assert.Equal(i < headers.Count - 1, parts.IsOpen);
            if (whole is not null) { Assert.Equal(sent, whole); }
        }
    }

    [Fact]
    public void What_a_lost_leader_left_half_written_is_dropped_by_the_next_transaction()
    {
        TransactionParts parts = new();
        List<byte[]> lost = TransactionParts.Split(Transaction(20_000));
        List<byte[]> good = TransactionParts.Split(Transaction(9_000));
        for (int i = 0; i < lost.Count - 1; i++) { Assert.Null(parts.Add(lost[i])); }
        Assert.True(parts.IsOpen);
        for (int i = 0; i < good.Count - 1; i++) { Assert.Null(parts.Add(good[i])); }
        Assert.Equal(Transaction(9_000), parts.Add(good[^1]));
        // A last part without those before it is nothing.
        Assert.Null(parts.Add(lost[^1]));
        Assert.False(parts.IsOpen);
    }

    [Fact]
    public void Damaged_and_random_headers_change_nothing()
    {
        Prng prng = new(3);
        TransactionParts parts = new();
        byte[] good = TransactionParts.Split(Transaction(100))[0];
        for (int length = 0; length < good.Length; length++) { Assert.Null(parts.Add(good.AsSpan(0, length))); }
        for (int i = 0; i < 2000; i++)
        {
            byte[] bytes = new byte[prng.Below(64)];
            for (int b = 0; b < bytes.Length; b++) { bytes[b] = (byte)prng.Below(256); }
            _ = parts.Add(bytes);
        }
        Assert.NotNull(parts.Add(good));
    }

    [Fact]
    public void Applying_the_same_transactions_gives_the_same_store()
    {
        MonFixture one = new MonFixture().WithOsds(6, perHost: 2).WithPool(pgs: 64);
        MonFixture two = new MonFixture().WithOsds(6, perHost: 2).WithPool(pgs: 64);
        Assert.Equal(one.Store.Revision, two.Store.Revision);
        Assert.Equal(Dump(one.Store), Dump(two.Store));
    }

    [Fact]
    public void Random_commands_never_throw_and_never_break_the_map()
    {
        for (ulong seed = 1; seed <= 40; seed++)
        {
            Prng prng = new(seed);
            MonFixture mon = new MonFixture().WithOsds(4).WithPool();
            for (int step = 0; step < 150; step++)
            {
                byte[] bytes = RandomRequest(prng).ToByteArray();
                // Flip a bit now and then: whatever still parses must be answered.
                if (prng.Chance(300_000) && bytes.Length > 0) { bytes[prng.Below(bytes.Length)] ^= (byte)(1 << prng.Below(8)); }
                if (!ProtoReader.TryParse(ControlRequest.Parser, bytes, out ControlRequest request)) { continue; }
                ControlReply reply = mon.Do(request);
                Assert.True(reply.Status is ControlStatus.StatusOk || reply.Text.Length > 0);
                mon.Now += prng.Between(0, Units.NanosPerSecond);
                mon.Tick();
            }
            AssertMapMatchesValues(mon.Store);
        }
    }

    private static void AssertMapMatchesValues(MonStore store)
    {
        ClusterMap fresh = new();
        foreach (KeyValuePair<string, StoreValue> pair in store.Values)
        {
            if (pair.Key.StartsWith("map/", StringComparison.Ordinal))
            {
                Assert.True(fresh.TryPut(pair.Key, pair.Value.Bytes, new Epoch(pair.Value.Revision)));
            }
        }
        Assert.Equal(fresh.Osds, store.Map.Osds);
        Assert.Equal(fresh.Images, store.Map.Images);
        Assert.Equal(fresh.PgCount, store.Map.PgCount);
        Assert.Equal(fresh.Pools, store.Map.Pools);
    }

    private static ControlRequest RandomRequest(Prng prng)
    {
        string[] names = ["a", "b", "c", "vol", "demo", "", "x/y"];
        string Name() => names[prng.Below(names.Length)];
        ulong Small() => prng.Below(4UL);
        ByteString uuid = UuidBytes.ToBytes(MonFixture.Device((uint)prng.Below(5)));
        return prng.Below(14) switch
        {
            0 => new ControlRequest { OsdNew = MonFixture.NewOsd((uint)prng.Below(8), "h" + prng.Below(4)) },
            1 => new ControlRequest { OsdBoot = MonFixture.BootOf((uint)prng.Below(8)) },
            2 => new ControlRequest { OsdStop = new OsdStopRequest { Id = (uint)Small(), DeviceUuid = uuid, Boots = Small() } },
            3 => new ControlRequest { PoolCreate = new PoolCreateRequest { Name = Name(), PgCount = (uint)Small() * 4, Replicas = (uint)Small() } },
            4 => new ControlRequest { PoolRemove = new PoolRemoveRequest { Name = Name() } },
            5 => new ControlRequest { ImageCreate = new ImageCreateRequest { Pool = Name(), Name = Name(), SizeBytes = (long)Small() * 512 } },
            6 => new ControlRequest { ImageResize = new ImageResizeRequest { Pool = Name(), Name = Name(), SizeBytes = (long)Small() * 512 } },
            7 => new ControlRequest { ImageRename = new ImageRenameRequest { Pool = Name(), Name = Name(), NewName = Name() } },
            8 => new ControlRequest { ImageRemove = new ImageRemoveRequest { Pool = Name(), Name = Name() } },
            9 => new ControlRequest { ImageAcquire = new ImageAcquireRequest { Image = Small(), Instance = uuid, TakeOver = prng.Chance(500_000) } },
            10 => new ControlRequest { ImageRelease = new ImageReleaseRequest { Image = Small(), Instance = uuid, Generation = Small() } },
            11 => new ControlRequest { Status = new StatusRequest() },
            12 => new ControlRequest { Df = new DfRequest() },
            _ => new ControlRequest { OsdHeartbeat = new OsdHeartbeatRequest { Id = (uint)Small(), DeviceUuid = uuid, Boots = Small(), Full = true } },
        };
    }

    private static StoreTransaction Transaction(int valueBytes) => new()
    {
        BaseRevision = 7,
        Changes = { new StoreChange { Key = "k", Value = ByteString.CopyFrom(new byte[valueBytes]) } },
    };

    private static string Dump(MonStore store) => string.Join('\n',
        store.Values.Select(pair => $"{pair.Key} {pair.Value.Revision} {Convert.ToHexString(pair.Value.Bytes)}"));
}

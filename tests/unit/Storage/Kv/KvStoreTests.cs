using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Storage.Kv;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Kv;

/// <summary>The map itself, fed through replay as recovery does; durability is tested with the log.</summary>
public class KvStoreTests
{
    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 3000)]
    [InlineData(3, 100_000)]
    public void Random_batches_match_a_sorted_dictionary(ulong seed, int keys)
    {
        Prng prng = new(seed);
        KvStore store = new();
        SortedDictionary<string, byte[]> model = new(StringComparer.Ordinal);
        KvBatch batch = new();
        for (int round = 0; round < 20_000; round++)
        {
            batch.Clear();
            for (int i = 1 + prng.Below(5); i > 0; i--)
            {
                string key = $"{(char)('a' + prng.Below(3))}/{prng.Below(keys)}";
                if (prng.Chance(650_000))
                {
                    byte[] value = new byte[prng.Below(40)];
                    value.AsSpan().Fill(unchecked((byte)prng.Next()));
                    Assert.True(batch.TryPut(Encoding.ASCII.GetBytes(key), value));
                    model[key] = value;
                }
                else
                {
                    Assert.True(batch.TryDelete(Encoding.ASCII.GetBytes(key)));
                    _ = model.Remove(key);
                }
            }
            Assert.True(store.OnReplayKv(batch.Body, segment: (ulong)(round / 1000)));
            if (round % 2000 == 0) { Compare(store, model); }
        }
        Compare(store, model);
        store.Dispose();
    }

    [Fact]
    public void Limits_are_refused_and_change_nothing()
    {
        KvBatch batch = new();
        Assert.False(batch.TryPut([], "v"u8));
        Assert.False(batch.TryPut(new byte[KvLimits.MaxKeyBytes + 1], "v"u8));
        Assert.False(batch.TryPut("k"u8, new byte[KvLimits.MaxValueBytes + 1]));
        Assert.Equal((0, 0), (batch.Count, batch.Bytes));
        Assert.True(batch.TryPut(new byte[KvLimits.MaxKeyBytes], new byte[KvLimits.MaxValueBytes]));
        while (batch.TryPut("k"u8, new byte[30_000])) { }
        int bytes = batch.Bytes;
        Assert.True(bytes <= KvLimits.MaxBatchBytes);
        Assert.False(batch.TryPut("k"u8, new byte[30_000]));
        Assert.Equal(bytes, batch.Bytes);
    }

    [Fact]
    public void Every_truncation_of_a_record_is_refused_whole()
    {
        KvBatch batch = new();
        Assert.True(batch.TryPut("key1"u8, "value1"u8));
        Assert.True(batch.TryPut("key2"u8, "a longer value"u8));
        byte[] body = batch.Body.ToArray();
        for (int length = 1; length < body.Length; length++)
        {
            KvStore store = new();
            bool whole = KvRecordReader.IsSound(body.AsSpan(0, length));
            Assert.Equal(whole, store.OnReplayKv(body.AsSpan(0, length), 0));
            Assert.Equal(whole ? 1 : 0, store.Count); // the first item alone is a sound record
            Assert.True(!whole || length == KvRecordReader.ItemBytes(4, 6));
        }
    }

    private static void Put(KvStore store, string key, string value)
    {
        KvBatch batch = new();
        Assert.True(batch.TryPut(Encoding.ASCII.GetBytes(key), Encoding.ASCII.GetBytes(value)));
        Assert.True(store.OnReplayKv(batch.Body, 0));
    }

    private static void Delete(KvStore store, string key)
    {
        KvBatch batch = new();
        Assert.True(batch.TryDelete(Encoding.ASCII.GetBytes(key)));
        Assert.True(store.OnReplayKv(batch.Body, 0));
    }

    private static void Compare(KvStore store, SortedDictionary<string, byte[]> model)
    {
        store.CheckInvariants();
        Assert.Equal(model.Count, store.Count);
        Assert.Equal(model.Sum(p => p.Key.Length + p.Value.Length), store.DataBytes);
        using SortedDictionary<string, byte[]>.Enumerator expected = model.GetEnumerator();
        KvScan scan = store.Scan(default);
        while (scan.Next())
        {
            Assert.True(expected.MoveNext());
            Assert.Equal(expected.Current.Key, Encoding.ASCII.GetString(scan.Key));
            Assert.True(scan.Value.SequenceEqual(expected.Current.Value));
        }
        Assert.False(expected.MoveNext());
        foreach ((string key, byte[] value) in model.Take(50))
        {
            Assert.True(store.TryGet(Encoding.ASCII.GetBytes(key), out ReadOnlySpan<byte> found));
            Assert.True(found.SequenceEqual(value));
        }
        Assert.False(store.TryGet("zzz"u8, out _));
        List<string> prefixed = [];
        KvScan part = store.Scan("b/"u8);
        while (part.Next()) { prefixed.Add(Encoding.ASCII.GetString(part.Key)); }
        Assert.Equal(model.Keys.Where(k => k.StartsWith("b/", StringComparison.Ordinal)), prefixed);
    }
}

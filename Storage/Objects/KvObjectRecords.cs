using System;
using Fastblock.Native.Base;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Objects;

/// <summary>Object records in the shard's key-value store.</summary>
internal sealed class KvObjectRecords(KvStore store) : IObjectRecords
{
    private readonly KvBatch _batch = new();

    public void Begin() => _batch.Clear();

    public bool TryPut(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => _batch.TryPut(key, value);

    public bool TryDelete(ReadOnlySpan<byte> key) => _batch.TryDelete(key);

    public Errno Commit(ILogListener listener, bool cleaning, out ulong sequence) =>
        store.Commit(_batch, listener, out sequence, cleaning);

    public void Scan(byte prefix, IObjectRecordSink sink)
    {
        KvScan scan = store.Scan([prefix]);
        while (scan.Next()) { sink.OnRecord(scan.Key, scan.Value); }
    }
}

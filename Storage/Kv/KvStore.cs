using System;
using Fastblock.Native.Base;
using Fastblock.Storage.Log;

namespace Fastblock.Storage.Kv;

/// <summary>An ordered map of byte strings in unmanaged memory whose durability is the shard's log. One reactor's thread
/// only. Spans that it hands out are valid until the next change.</summary>
internal sealed class KvStore : IKvLogClient
{
    /// <summary>Makes the batch visible at once and durable with the log's next write. The batch may be re-used afterwards.</summary>
    /// <param name="listener">Told when it is durable; may be null.</param>
    /// <returns>None, or what <see cref="DiskLog.TryAppendKv"/> says: then nothing has changed.</returns>
    public Errno Commit(KvBatch batch, ILogListener? listener, out ulong sequence) => throw new NotSupportedException();

    public bool TryGet(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value) => throw new NotSupportedException();

    /// <summary>Pairs whose key begins with <paramref name="prefix"/>, in order of their bytes. Not to be changed meanwhile.</summary>
    public KvScan Scan(ReadOnlySpan<byte> prefix) => throw new NotSupportedException();

    /// <summary>As <see cref="Scan"/>, beginning with the first key that is greater than <paramref name="after"/>: for
    /// going on after changes.</summary>
    public KvScan ScanAfter(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> after) => throw new NotSupportedException();

    public long Count => throw new NotSupportedException();

    /// <summary>Bytes of all keys and values.</summary>
    public long DataBytes => throw new NotSupportedException();

    public void OnReplayKv(ReadOnlySpan<byte> operations, ulong segment) => throw new NotSupportedException();
    public void OnLogOpened(DiskLog log) => throw new NotSupportedException();
    public Errno CopyForward(ulong segment, out bool more) => throw new NotSupportedException();
}

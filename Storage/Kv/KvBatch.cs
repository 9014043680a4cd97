using System;

namespace Fastblock.Storage.Kv;

/// <summary>Puts and deletes that become visible and durable together. Re-usable: Clear, fill, Commit.</summary>
internal sealed class KvBatch
{
    public int Count => throw new NotSupportedException();

    /// <summary>Bytes of the record so far; at most <see cref="KvLimits.MaxBatchBytes"/>.</summary>
    public int Bytes => throw new NotSupportedException();

    public void Clear() => throw new NotSupportedException();

    /// <returns>False when the batch is full or key or value are too long: nothing was added.</returns>
    public bool TryPut(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => throw new NotSupportedException();

    /// <inheritdoc cref="TryPut"/>
    public bool TryDelete(ReadOnlySpan<byte> key) => throw new NotSupportedException();
}

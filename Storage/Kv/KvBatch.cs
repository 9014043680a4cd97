using System;
using System.Buffers.Binary;

namespace Fastblock.Storage.Kv;

/// <summary>Puts and deletes that become visible and durable together. Re-usable: Clear, fill, Commit. A later item for the
/// same key wins. Its memory grows to the largest batch and stays.</summary>
/// <param name="maxBytes">Less than what a record may have, for tests of what happens when a batch is full.</param>
internal sealed class KvBatch(int maxBytes = KvLimits.MaxBatchBytes)
{
    private byte[] _body = new byte[1024];

    public int Count { get; private set; }

    /// <summary>Bytes of the record so far; at most <see cref="KvLimits.MaxBatchBytes"/>.</summary>
    public int Bytes { get; private set; }

    internal ReadOnlySpan<byte> Body => _body.AsSpan(0, Bytes);

    public void Clear() => (Count, Bytes) = (0, 0);

    /// <returns>False when the batch is full or key or value are too long: nothing was added.</returns>
    public bool TryPut(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => TryAdd(KvOperation.Put, key, value);

    /// <inheritdoc cref="TryPut"/>
    public bool TryDelete(ReadOnlySpan<byte> key) => TryAdd(KvOperation.Delete, key, default);

    private bool TryAdd(KvOperation operation, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.Length is 0 or > KvLimits.MaxKeyBytes || value.Length > KvLimits.MaxValueBytes) { return false; }
        int item = KvRecordReader.ItemBytes(key.Length, value.Length);
        if (item > maxBytes - Bytes) { return false; }
        if (item > _body.Length - Bytes)
        {
            Array.Resize(ref _body, Math.Min(Math.Max(_body.Length * 2, Bytes + item), maxBytes));
        }
        Span<byte> at = _body.AsSpan(Bytes, item);
        at.Clear();
        at[0] = (byte)operation;
        BinaryPrimitives.WriteUInt16LittleEndian(at[2..], (ushort)key.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], (uint)value.Length);
        key.CopyTo(at[KvRecordReader.ItemHeaderBytes..]);
        value.CopyTo(at[(KvRecordReader.ItemHeaderBytes + key.Length)..]);
        Bytes += item;
        Count++;
        return true;
    }
}

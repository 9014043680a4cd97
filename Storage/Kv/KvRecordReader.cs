using System;
using System.Buffers.Binary;

namespace Fastblock.Storage.Kv;

/// <summary>Reads the body of a key-value record: items of {operation u8, zero u8, key bytes u16, value bytes u32, key, value},
/// each padded with zeros to 8 bytes. docs/on-disk-format.md "Key-value record".</summary>
internal ref struct KvRecordReader(ReadOnlySpan<byte> body)
{
    public const int ItemHeaderBytes = 8;

    private ReadOnlySpan<byte> _rest = body;

    public KvOperation Operation { get; private set; }
    public ReadOnlySpan<byte> Key { get; private set; }
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>True when <see cref="TryNext"/> ended because of bad bytes.</summary>
    public bool IsBad { get; private set; }

    public static int ItemBytes(int keyBytes, int valueBytes) => (ItemHeaderBytes + keyBytes + valueBytes + 7) & ~7;

    public bool TryNext()
    {
        if (_rest.IsEmpty || IsBad) { return false; }
        if (_rest.Length < ItemHeaderBytes) { return Bad(); }
        Operation = (KvOperation)_rest[0];
        int keyBytes = BinaryPrimitives.ReadUInt16LittleEndian(_rest[2..]);
        uint valueBytes = BinaryPrimitives.ReadUInt32LittleEndian(_rest[4..]);
        bool known = Operation is KvOperation.Put || (Operation is KvOperation.Delete && valueBytes == 0);
        if (!known || keyBytes is 0 or > KvLimits.MaxKeyBytes || valueBytes > KvLimits.MaxValueBytes) { return Bad(); }
        int item = ItemBytes(keyBytes, (int)valueBytes);
        if (item > _rest.Length) { return Bad(); }
        Key = _rest.Slice(ItemHeaderBytes, keyBytes);
        Value = _rest.Slice(ItemHeaderBytes + keyBytes, (int)valueBytes);
        _rest = _rest[item..];
        return true;
    }

    /// <summary>True when the whole body consists of good items: checked before any of them is applied.</summary>
    public static bool IsSound(ReadOnlySpan<byte> body)
    {
        KvRecordReader reader = new(body);
        while (reader.TryNext()) { }
        return !reader.IsBad;
    }

    private bool Bad()
    {
        IsBad = true;
        return false;
    }
}

using System;
using System.Buffers.Binary;
using System.Numerics;
using Fastblock.Storage.Blobs;

namespace Fastblock.Storage.Objects;

// Object record, the value of a pair in the shard's key-value store (which gives atomicity, order and checksum). Little-endian.
//
//   key    'o' | group u64 big-endian | image u64 big-endian | index u32 big-endian        21 bytes: sorts by (group, image, index)
//   value  0  version of this format u8 = 1
//          1  flags u8                  bit 0: every block of every unit named here has data (no block maps follow)
//          2  runs u16
//          4  reserved u32 = 0
//          8  object version u64        Raft index up to which home holds everything
//         16  checksum page u32         page number, 0xFFFFFFFF = none (no block has data)
//         20  checksum page's sum u32   CrcPageFormat.Sum
//         24  runs, 8 bytes each:       first slot u16, slots u16, first unit u32 (consecutive slots in consecutive units)
//             block maps (flag clear):  for each slot named, in order, (blocks per unit + 7) / 8 bytes, bit b = block b has data
//
// Purge record: key 'x' | group u64 big-endian | image u64 big-endian, value: format u8 = 1, 7 zeros, Raft index u64.

/// <summary>The stored form of an object: where it is and what it holds.</summary>
internal static class OnodeRecord
{
    public const byte ObjectPrefix = (byte)'o';
    public const byte PurgePrefix = (byte)'x';
    public const int ObjectKeyBytes = 21;
    public const int PurgeKeyBytes = 17;
    public const int PurgeValueBytes = 16;

    private const byte FormatVersion = 1;
    private const byte AllPresent = 1;
    private const int HeaderBytes = 24;
    private const int RunBytes = 8;

    /// <summary>Fields besides units and block map.</summary>
    internal struct Header
    {
        public ulong Version;
        public uint CrcPage;
        public uint CrcPageSum;
    }

    /// <summary>Upper bound of a value for objects of so many slots and blocks.</summary>
    public static int MaxBytes(int slots, int blocks) =>
        HeaderBytes + (slots * (RunBytes + (((blocks / slots) + 7) / 8)));

    public static void WriteKey(ObjectKey key, Span<byte> into)
    {
        into[0] = ObjectPrefix;
        BinaryPrimitives.WriteUInt64BigEndian(into[1..], key.Group);
        BinaryPrimitives.WriteUInt64BigEndian(into[9..], key.Image);
        BinaryPrimitives.WriteUInt32BigEndian(into[17..], key.Index);
    }

    public static bool TryReadKey(ReadOnlySpan<byte> key, out ObjectKey result)
    {
        result = default;
        if (key.Length != ObjectKeyBytes || key[0] != ObjectPrefix) { return false; }
        result = new ObjectKey(
            BinaryPrimitives.ReadUInt64BigEndian(key[1..]),
            BinaryPrimitives.ReadUInt64BigEndian(key[9..]),
            BinaryPrimitives.ReadUInt32BigEndian(key[17..]));
        return true;
    }

    public static void WritePurge(ImageKey key, ulong purgedAt, Span<byte> keyInto, Span<byte> valueInto)
    {
        keyInto[0] = PurgePrefix;
        BinaryPrimitives.WriteUInt64BigEndian(keyInto[1..], key.Group);
        BinaryPrimitives.WriteUInt64BigEndian(keyInto[9..], key.Image);
        valueInto[..PurgeValueBytes].Clear();
        valueInto[0] = FormatVersion;
        BinaryPrimitives.WriteUInt64LittleEndian(valueInto[8..], purgedAt);
    }

    public static bool TryReadPurge(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, out ImageKey image, out ulong purgedAt)
    {
        (image, purgedAt) = (default, 0);
        if (key.Length != PurgeKeyBytes || key[0] != PurgePrefix) { return false; }
        if (value.Length != PurgeValueBytes || value[0] != FormatVersion) { return false; }
        image = new ImageKey(BinaryPrimitives.ReadUInt64BigEndian(key[1..]), BinaryPrimitives.ReadUInt64BigEndian(key[9..]));
        purgedAt = BinaryPrimitives.ReadUInt64LittleEndian(value[8..]);
        return true;
    }

    /// <summary>Encodes; slots without a unit or without any block present are left out.</summary>
    /// <param name="units">One unit per slot.</param>
    /// <param name="present">One bit per block.</param>
    /// <returns>Bytes written to <paramref name="into"/>.</returns>
    public static int Write(in Header header, ReadOnlySpan<uint> units, ReadOnlySpan<ulong> present, int blocksPerUnit, Span<byte> into)
    {
        int mapBytes = (blocksPerUnit + 7) / 8;
        bool all = true;
        int runs = 0;
        int at = HeaderBytes;
        for (int slot = 0; slot < units.Length;)
        {
            if (!IsStored(units, present, blocksPerUnit, slot))
            {
                slot++;
                continue;
            }
            int first = slot;
            do
            {
                all &= CountBits(present, slot * blocksPerUnit, blocksPerUnit) == blocksPerUnit;
                slot++;
            }
            while (slot < units.Length && units[slot] == units[first] + (uint)(slot - first)
                && IsStored(units, present, blocksPerUnit, slot));
            BinaryPrimitives.WriteUInt16LittleEndian(into[at..], (ushort)first);
            BinaryPrimitives.WriteUInt16LittleEndian(into[(at + 2)..], (ushort)(slot - first));
            BinaryPrimitives.WriteUInt32LittleEndian(into[(at + 4)..], units[first]);
            at += RunBytes;
            runs++;
        }
        for (int slot = 0; !all && slot < units.Length; slot++)
        {
            if (!IsStored(units, present, blocksPerUnit, slot)) { continue; }
            into.Slice(at, mapBytes).Clear();
            for (int b = 0; b < blocksPerUnit; b++)
            {
                if (Bit(present, (slot * blocksPerUnit) + b)) { into[at + (b >> 3)] |= (byte)(1 << (b & 7)); }
            }
            at += mapBytes;
        }
        into[..HeaderBytes].Clear();
        into[0] = FormatVersion;
        into[1] = all ? AllPresent : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(into[2..], (ushort)runs);
        BinaryPrimitives.WriteUInt64LittleEndian(into[8..], header.Version);
        BinaryPrimitives.WriteUInt32LittleEndian(into[16..], header.CrcPage);
        BinaryPrimitives.WriteUInt32LittleEndian(into[20..], header.CrcPageSum);
        return at;
    }

    /// <summary>Decodes into <paramref name="units"/> (unmapped where nothing is named) and <paramref name="present"/>.</summary>
    /// <returns>False: not a record of this format or of objects of this shape; the outputs are undefined.</returns>
    public static bool TryRead(ReadOnlySpan<byte> value, Span<uint> units, Span<ulong> present, int blocksPerUnit, out Header header)
    {
        header = default;
        if (value.Length < HeaderBytes || value[0] != FormatVersion || value[1] > AllPresent) { return false; }
        if (BinaryPrimitives.ReadUInt32LittleEndian(value[4..]) != 0) { return false; }
        bool all = value[1] == AllPresent;
        int runs = BinaryPrimitives.ReadUInt16LittleEndian(value[2..]);
        header.Version = BinaryPrimitives.ReadUInt64LittleEndian(value[8..]);
        header.CrcPage = BinaryPrimitives.ReadUInt32LittleEndian(value[16..]);
        header.CrcPageSum = BinaryPrimitives.ReadUInt32LittleEndian(value[20..]);
        units.Fill(Onode.Unmapped);
        present.Clear();
        int mapBytes = (blocksPerUnit + 7) / 8;
        int maps = HeaderBytes + (runs * RunBytes);
        if (maps > value.Length) { return false; }
        int next = 0;
        for (int run = 0; run < runs; run++)
        {
            ReadOnlySpan<byte> bytes = value.Slice(HeaderBytes + (run * RunBytes), RunBytes);
            int first = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
            int count = BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]);
            uint unit = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            if (first < next || count == 0 || first + count > units.Length) { return false; }
            if (unit > Onode.Promised - (uint)count) { return false; }
            for (int slot = first; slot < first + count; slot++)
            {
                units[slot] = unit + (uint)(slot - first);
                if (!all && maps + mapBytes > value.Length) { return false; }
                for (int b = 0; b < blocksPerUnit; b++)
                {
                    if (all || (value[maps + (b >> 3)] >> (b & 7) & 1) != 0)
                    {
                        int block = (slot * blocksPerUnit) + b;
                        present[block >> 6] |= 1UL << (block & 63);
                    }
                }
                maps += all ? 0 : mapBytes;
            }
            next = first + count;
        }
        return maps == value.Length && (runs == 0 || header.CrcPage != BlobGeometry.None);
    }

    /// <summary>Bits set among [first, first + count).</summary>
    public static int CountBits(ReadOnlySpan<ulong> map, int first, int count)
    {
        int total = 0;
        for (int at = first; at < first + count;)
        {
            int bits = Math.Min(64 - (at & 63), first + count - at);
            ulong mask = bits == 64 ? ulong.MaxValue : ((1UL << bits) - 1) << (at & 63);
            total += BitOperations.PopCount(map[at >> 6] & mask);
            at += bits;
        }
        return total;
    }

    private static bool Bit(ReadOnlySpan<ulong> map, int at) => (map[at >> 6] >> (at & 63) & 1) != 0;

    private static bool IsStored(ReadOnlySpan<uint> units, ReadOnlySpan<ulong> present, int blocksPerUnit, int slot) =>
        units[slot] < Onode.Promised && CountBits(present, slot * blocksPerUnit, blocksPerUnit) > 0;
}

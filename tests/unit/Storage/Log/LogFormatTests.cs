using System;
using System.Buffers.Binary;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Storage.Log;
using Xunit;

namespace Fastblock.Tests.Unit.Storage.Log;

/// <summary>The bytes of batches and records, as docs/on-disk-format.md has them.</summary>
public class LogFormatTests
{
    private static readonly Guid Store = new("00112233-4455-6677-8899-aabbccddeeff");

    [Fact]
    public void Offsets_of_the_batch_header_are_pinned()
    {
        Assert.Equal(128, BatchHeader.SizeBytes);
        Assert.Equal("FSTBLOG1", Encoding.ASCII.GetString(BitConverter.GetBytes(BatchHeader.Magic)));
        byte[] blocks = Sealed(out _);
        Assert.Equal(1, BinaryPrimitives.ReadUInt16LittleEndian(blocks.AsSpan(4)));
        Assert.Equal("465354424C4F4731", Convert.ToHexString(blocks.AsSpan(8, 8)));
        Assert.Equal("00112233445566778899AABBCCDDEEFF", Convert.ToHexString(blocks.AsSpan(16, 16)));
        Assert.Equal(3, BinaryPrimitives.ReadInt32LittleEndian(blocks.AsSpan(32)));
        Assert.Equal(0x01020304u, BinaryPrimitives.ReadUInt32LittleEndian(blocks.AsSpan(36)));
        Assert.Equal(42UL, BinaryPrimitives.ReadUInt64LittleEndian(blocks.AsSpan(40)));
        Assert.Equal(40UL, BinaryPrimitives.ReadUInt64LittleEndian(blocks.AsSpan(48)));
        Assert.Equal(5UL, BinaryPrimitives.ReadUInt64LittleEndian(blocks.AsSpan(56)));
        Assert.Equal(8192L, BinaryPrimitives.ReadInt64LittleEndian(blocks.AsSpan(64)));
        Assert.Equal(7UL, BinaryPrimitives.ReadUInt64LittleEndian(blocks.AsSpan(72)));
        Assert.Equal(40, BinaryPrimitives.ReadInt32LittleEndian(blocks.AsSpan(80)));
        Assert.Equal(Crc32C.Compute(blocks.AsSpan(128)), BinaryPrimitives.ReadUInt32LittleEndian(blocks.AsSpan(84)));
        Assert.Equal(1, BinaryPrimitives.ReadInt32LittleEndian(blocks.AsSpan(88)));
        Assert.Equal(2, BinaryPrimitives.ReadInt32LittleEndian(blocks.AsSpan(92)));
        Assert.Equal(1, BinaryPrimitives.ReadInt32LittleEndian(blocks.AsSpan(96)));
        Assert.True(blocks.AsSpan(100, 28).IndexOfAnyExcept((byte)0) < 0, "reserved bytes are zero");
        Assert.Equal(Crc32C.Compute(blocks.AsSpan(4, 124)), BinaryPrimitives.ReadUInt32LittleEndian(blocks));
    }

    [Fact]
    public void Golden_bytes_of_an_entry()
    {
        EntryRecord entry = new()
        {
            Group = new PgId(0x0000000A_0000000B),
            Incarnation = 3,
            Index = 100,
            Term = 9,
            Kind = 2,
            Header = [1, 2, 3, 4, 5],
            Crcs = [0xAABBCCDD, 0x11223344],
        };
        byte[] record = new byte[LogRecord.EntrySize(5, 2)];
        LogRecord.WriteEntry(record, in entry, LogRecordFlags.Copy, payloadAtBlock: 6);
        Assert.Equal(
            "0101010048000000" + "0B0000000A000000" + "0300000000000000" + "6400000000000000" + "0900000000000000"
            + "02000500" + "02000000" + "0600000000000000" + "0102030405000000" + "DDCCBBAA" + "44332211",
            Convert.ToHexString(record));
        Assert.True(LogRecord.TryRead(record, 1, 8, out LogRecord read, out int bytes));
        Assert.Equal(record.Length, bytes);
        Assert.Equal((100UL, 9UL, 3UL, 2, 6L), (read.Index, read.Term, read.Incarnation, read.PayloadBlocks, read.PayloadAt));
        Assert.True(read.EntryHeader.SequenceEqual(entry.Header));
    }

    [Fact]
    public void Golden_bytes_of_group_and_key_value_records()
    {
        byte[] record = new byte[LogRecord.GroupBytes];
        LogRecord.WriteGroup(record, LogRecordKind.GroupBase, new PgId(7), 2, 30, 4);
        Assert.Equal(
            "0400000028000000" + "0700000000000000" + "0200000000000000" + "1E00000000000000" + "0400000000000000",
            Convert.ToHexString(record));
        byte[] lost = new byte[LogRecord.LostBatchesBytes];
        LogRecord.WriteLostBatches(lost, 11, 12);
        Assert.Equal("0600000018000000" + "0B00000000000000" + "0C00000000000000", Convert.ToHexString(lost));
        Assert.True(LogRecord.TryRead(lost, 1, 8, out LogRecord read, out int bytes));
        Assert.Equal((LogRecordKind.LostBatches, 11UL, 12UL, 24), (read.Kind, read.FirstBatch, read.LastBatch, bytes));
        Fastblock.Storage.Kv.KvBatch batch = new();
        Assert.True(batch.TryPut("ab"u8, "xyz"u8));
        Assert.True(batch.TryDelete("c"u8));
        byte[] kv = new byte[LogRecord.KvSize(batch.Bytes)];
        LogRecord.WriteKv(kv, batch.Body);
        Assert.Equal(
            "0200000028000000" + "0100020003000000" + "616278797A000000" + "0200010000000000" + "6300000000000000",
            Convert.ToHexString(kv));
    }

    [Fact]
    public void Every_truncation_and_bit_flip_of_a_batch_is_refused()
    {
        byte[] blocks = Sealed(out BatchHeader good);
        for (int length = 0; length < BatchHeader.SizeBytes; length++)
        {
            Assert.False(BatchHeader.TryRead(blocks.AsSpan(0, length), out _));
        }
        for (int bit = 0; bit < blocks.Length * 8; bit++)
        {
            byte[] flipped = (byte[])blocks.Clone();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            bool accepted = BatchHeader.TryRead(flipped, out BatchHeader header) && header.RecordsMatch(flipped);
            Assert.False(accepted, $"bit {bit}");
        }
        Assert.True(BatchHeader.TryRead(blocks, out BatchHeader read) && read.RecordsMatch(blocks));
        Assert.Equal(good with { Checksum = read.Checksum, RecordsChecksum = read.RecordsChecksum }, read);
    }

    [Fact]
    public void Absurd_and_random_records_are_an_answer()
    {
        Prng prng = new(5);
        byte[] bytes = new byte[256];
        for (int round = 0; round < 200_000; round++)
        {
            for (int at = 0; at < bytes.Length; at += 8) { BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), prng.Next()); }
            bytes[0] = (byte)prng.Below(7);
            bytes[1] = (byte)prng.Below(3);
            bytes[2] = (byte)prng.Below(5);
            bytes[3] = 0;
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), prng.Below(40) * 8);
            if (prng.Chance(500_000)) { BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(44), prng.Below(4)); }
            if (prng.Chance(500_000)) { BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(42), (short)prng.Below(100)); }
            if (LogRecord.TryRead(bytes.AsSpan(0, prng.Below(257)), 1, 8, out LogRecord record, out int length))
            {
                Assert.True(length <= 256);
                Assert.True(record.PayloadAt <= 8 || record.PayloadBlocks == 0);
            }
            _ = Fastblock.Storage.Kv.KvRecordReader.IsSound(bytes.AsSpan(0, prng.Below(257)));
        }
    }

    private static byte[] Sealed(out BatchHeader header)
    {
        byte[] blocks = new byte[4096];
        LogRecord.WriteGroup(blocks.AsSpan(128, 40), LogRecordKind.GroupReset, new PgId(7), 2, 30, 4);
        header = new BatchHeader
        {
            Store = Store,
            Shard = 3,
            Chain = 0x01020304,
            Sequence = 42,
            DurableThrough = 40,
            Generation = 5,
            OwnOffset = 8192,
            Segment = 7,
            RecordBytes = 40,
            HeaderBlocks = 1,
            PayloadBlocks = 2,
            RecordCount = 1,
        };
        _ = header.Seal(blocks);
        return blocks;
    }
}

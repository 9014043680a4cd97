using System;
using System.Globalization;
using System.Text;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Volume;

namespace Fastblock.Storage.Log;

/// <summary>Offline readers for the log and the key-value store on it: <c>inspect</c> shows what is there, <c>fsck</c> replays it
/// without writing and reports what is wrong.</summary>
internal static class LogInspector
{
    /// <summary>Longest value shown in full.</summary>
    private const int ShownValueBytes = 64;

    /// <summary>Walks the batches from the oldest segment to the end of the log.</summary>
    /// <param name="row">Gets every row as soon as it is known; a log can have millions.</param>
    /// <param name="withRecords">Also a row for each record.</param>
    public static async ReactorTask BatchesAsync(ShardVolume volume, bool withRecords, Action<InspectRow> row)
    {
        ShardSuperblock superblock = volume.Superblock;
        using SegmentLoader loader = new(volume.Part, in superblock);
        ulong segment = superblock.StartSegment;
        ulong end = segment + (ulong)superblock.SegmentCount;
        ulong expected = superblock.StartBatch;
        uint chain = superblock.StartChain;
        int offset = 0;
        while (true)
        {
            SegmentImage image = await loader.LoadAsync(segment);
            if (image.TryReadBatch(offset, volume.Label.Device, volume.Shard, out BatchHeader header) && header.Sequence >= expected)
            {
                string link = header.Sequence == expected && header.Chain == chain ? "good" : "broken";
                row(BatchRow(in header, link));
                if (withRecords) { RecordRows(image, offset, in header, row); }
                (expected, chain, offset) = (header.Sequence + 1, header.Checksum, offset + header.TotalBytes);
                continue;
            }
            if (segment + 1 < end)
            {
                SegmentImage next = await loader.LoadAsync(segment + 1);
                if (next.TryReadBatch(0, volume.Label.Device, volume.Shard, out header) && header.Sequence >= expected)
                {
                    (segment, offset) = (segment + 1, 0);
                    continue;
                }
            }
            row(new InspectRow("end").With("segment", segment).With("offset", image.RegionOffset + offset).With("next_batch", expected));
            return;
        }
    }

    /// <summary>Replays the log as a start would, without writing: a row for each group and each problem.</summary>
    /// <param name="kv">Gets the pairs; empty at first.</param>
    /// <returns>False when something is wrong.</returns>
    public static async ReactorTask<bool> CheckAsync(Reactor reactor, ShardVolume volume, KvStore kv, Action<InspectRow> row)
    {
        Problems problems = new(row);
        LogOpenResult replayed = await DiskLog.ReplayReadOnlyAsync(reactor, volume, problems, kv);
        if (replayed.Log is not DiskLog log)
        {
            row(new InspectRow("problem").With("what", replayed.Text));
            return false;
        }
        foreach (PgId group in log.Groups)
        {
            _ = log.TryGetGroup(group, out LogGroupInfo info);
            row(new InspectRow("group").With("group", group.ToString()).With("incarnation", info.Incarnation)
                .With("base", info.BaseIndex).With("base_term", info.BaseTerm).With("last", info.LastIndex)
                .With("damaged", info.Damaged ? "yes" : "no"));
        }
        row(new InspectRow("log").With("shard", volume.Shard).With("last_batch", log.DurableSequence).With("used_bytes", log.UsedBytes)
            .With("total_bytes", log.TotalBytes).With("pairs", kv.Count).With("pair_bytes", kv.DataBytes));
        log.Abandon();
        return problems.Count == 0;
    }

    /// <summary>A row for each pair, in order. Keys and short values are shown as text where they are printable, else as hex.</summary>
    public static void PairRows(KvStore kv, Action<InspectRow> row)
    {
        KvScan scan = kv.Scan(default);
        while (scan.Next())
        {
            ReadOnlySpan<byte> value = scan.Value;
            row(new InspectRow("pair").With("key", Show(scan.Key)).With("bytes", value.Length)
                .With("value", Show(value.Length > ShownValueBytes ? value[..ShownValueBytes] : value)));
        }
    }

    private sealed class Problems(Action<InspectRow> row) : IReplaySink
    {
        public int Count { get; private set; }

        public void OnEntry(in ReplayedEntry entry) { }

        public void OnGroupReset(PgId group, ulong incarnation, ulong baseIndex, ulong baseTerm) { }

        public void OnCorruption(in LogCorruption corruption)
        {
            Count++;
            row(new InspectRow("problem").With("what", corruption.Kind.ToString())
                .With("group", corruption.Group is PgId group ? group.ToString() : "all")
                .With("first_batch", corruption.FirstSequence).With("last_batch", corruption.LastSequence)
                .With("index", corruption.Index).With("part_offset", corruption.DeviceOffset));
        }
    }

    private static InspectRow BatchRow(in BatchHeader header, string link) =>
        new InspectRow("batch").With("sequence", header.Sequence).With("segment", header.Segment).With("offset", header.OwnOffset)
            .With("generation", header.Generation).With("durable_through", header.DurableThrough).With("chain", link)
            .With("header_blocks", header.HeaderBlocks).With("payload_blocks", header.PayloadBlocks).With("records", header.RecordCount);

    private static void RecordRows(SegmentImage image, int offset, in BatchHeader header, Action<InspectRow> row)
    {
        ReadOnlySpan<byte> records = image.Records(offset, in header);
        for (int i = 0; i < header.RecordCount; i++)
        {
            if (!LogRecord.TryRead(records, header.HeaderBlocks, header.HeaderBlocks + header.PayloadBlocks, out LogRecord record, out int bytes))
            {
                row(new InspectRow("problem").With("what", "unreadable record").With("batch", header.Sequence).With("record", i));
                return;
            }
            row(RecordRow(image, offset, in record));
            records = records[bytes..];
        }
    }

    private static InspectRow RecordRow(SegmentImage image, int offset, in LogRecord record)
    {
        InspectRow row = new InspectRow("record").With("kind", record.Kind.ToString());
        if (record.Kind is LogRecordKind.Kv) { return KvRow(row, record.Body); }
        if (record.Kind is LogRecordKind.LostBatches)
        {
            return row.With("first_batch", record.FirstBatch).With("last_batch", record.LastBatch);
        }
        _ = row.With("group", record.Group.ToString()).With("incarnation", record.Incarnation).With("index", record.Index)
            .With("term", record.Term);
        if (record.Kind is not LogRecordKind.Entry) { return row; }
        string payload = record.PayloadBlocks == 0 ? "none" : image.PayloadMatches(offset, in record) ? "good" : "bad";
        return row.With("entry_kind", record.EntryKind).With("header_bytes", record.EntryHeader.Length)
            .With("payload_blocks", record.PayloadBlocks).With("payload", payload).With("flags", record.Flags.ToString().Replace(", ", "+"));
    }

    private static InspectRow KvRow(InspectRow row, ReadOnlySpan<byte> body)
    {
        KvRecordReader reader = new(body);
        while (reader.TryNext())
        {
            _ = row.With(reader.Operation is KvOperation.Put ? "put" : "delete", Show(reader.Key));
        }
        return reader.IsBad ? row.With("state", "bad") : row;
    }

    private static string Show(ReadOnlySpan<byte> bytes)
    {
        bool printable = bytes.IndexOfAnyExceptInRange((byte)'!', (byte)'~') < 0 && bytes.Length > 0;
        return printable ? Encoding.ASCII.GetString(bytes) : "0x" + Convert.ToHexString(bytes).ToLower(CultureInfo.InvariantCulture);
    }
}

using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Fastblock.Native.Base;
using Fastblock.Native.Reactor;
using Fastblock.Net.Codec;
using Fastblock.Storage.Blobs;
using Fastblock.Storage.Kv;
using Fastblock.Storage.Objects;

namespace Fastblock.Roles.Osd;

// A scrub compares the replicas of a PG at one index of its log. The leader proposes a mark; whoever applies it notes the
// versions of the range's objects in that moment. Then, without haste, it takes the checksums of each: those of an object that
// still has the noted version are as of the mark, an object that has been changed since is left to the next mark. Beside
// that every block is read and checked. The leader collects what all have found (ScrubDriver.cs).

/// <summary>One replica's part in the scrubs of its PG, and how far they are: both follow from the marks, so every replica
/// knows, and a new leader goes on where the last one was.</summary>
internal sealed class PgScrub(OsdShard shard, PgReplica pg)
{
    /// <summary>Stored form: flags, image, index, objects, wall clock of the last end.</summary>
    private const int StoredBytes = 32;

    /// <summary>Objects of one mark at most; the leader asks for fewer.</summary>
    private const int MaxObjects = 1024;

    /// <summary>Blocks read at once.</summary>
    private const int PieceBlocks = 32;

    private readonly List<ObjectVersion> _noted = [];
    private readonly List<ScrubLine> _lines = [];
    private readonly uint[] _crcs = new uint[CrcPageFormat.MaxBlocks];
    private readonly KvBatch _batch = new();
    private ulong _mark;
    private bool _isDone;

    /// <summary>Where the next range begins: behind this object.</summary>
    public ObjectId? Position { get; private set; }

    /// <summary>Objects compared in the pass that is under way.</summary>
    public ulong Objects { get; private set; }

    /// <summary>A pass has begun and not ended.</summary>
    public bool IsUnderWay { get; private set; }

    /// <summary>End of the last complete pass, by its leader's wall clock; 0 = never.</summary>
    public long FinishedMillis { get; private set; }

    /// <summary>A mark is being applied.</summary>
    public void OnMark(ulong index, in PgOpHeader op)
    {
        ScrubMark mark = ScrubMark.Of(in op);
        (Position, Objects, IsUnderWay) = (mark.After, mark.Objects, !mark.IsEnd);
        if (mark.IsEnd) { (Position, Objects, FinishedMillis) = (null, 0, mark.WallMillis); }
        Store();
        _noted.Clear();
        _lines.Clear();
        (_mark, _isDone) = (index, true);
        if (mark.IsEnd || pg.Group is null) { return; }
        Note(in mark);
        _isDone = false;
        FindAsync(index, !mark.IsRepetition).Start();
    }

    /// <returns>None and the lines; Busy = not yet; NotFound = nothing is known of that mark.</returns>
    public Errno TryGetResult(ulong mark, out byte[] lines)
    {
        lines = [];
        if (_mark != mark) { return _mark < mark && pg.Group!.Applied.Value < mark ? Errno.Busy : Errno.NotFound; }
        if (!_isDone) { return Errno.Busy; }
        lines = new byte[_lines.Count * ScrubLine.SizeBytes];
        WireWriter writer = new(lines);
        foreach (ScrubLine line in _lines) { line.Write(ref writer); }
        return Errno.None;
    }

    /// <summary>The PG's replica is opened: how far had it come?</summary>
    public void Load(KvStore kv)
    {
        Span<byte> key = stackalloc byte[PgKeys.StateBytes];
        PgKeys.Scrub(pg.Id, key);
        if (!kv.TryGet(key, out ReadOnlySpan<byte> stored) || stored.Length != StoredBytes) { return; }
        IsUnderWay = (stored[0] & 1) != 0;
        ulong image = BinaryPrimitives.ReadUInt64LittleEndian(stored[8..]);
        Position = (stored[0] & 2) != 0 ? new ObjectId(new ImageId(image), BinaryPrimitives.ReadUInt32LittleEndian(stored[4..])) : null;
        Objects = BinaryPrimitives.ReadUInt64LittleEndian(stored[16..]);
        FinishedMillis = BinaryPrimitives.ReadInt64LittleEndian(stored[24..]);
    }

    /// <summary>Without it the pass would begin anew after a restart: nothing waits for it, and a full log may refuse it.</summary>
    private void Store()
    {
        Span<byte> key = stackalloc byte[PgKeys.StateBytes];
        PgKeys.Scrub(pg.Id, key);
        Span<byte> value = stackalloc byte[StoredBytes];
        value.Clear();
        value[0] = (byte)((IsUnderWay ? 1 : 0) | (Position is null ? 0 : 2));
        BinaryPrimitives.WriteUInt32LittleEndian(value[4..], Position?.Index ?? 0);
        BinaryPrimitives.WriteUInt64LittleEndian(value[8..], Position?.Image.Value ?? 0);
        BinaryPrimitives.WriteUInt64LittleEndian(value[16..], Objects);
        BinaryPrimitives.WriteInt64LittleEndian(value[24..], FinishedMillis);
        _batch.Clear();
        _ = _batch.TryPut(key, value);
        _ = shard.Kv.Commit(_batch, null, out _);
    }

    private void Note(in ScrubMark mark)
    {
        Span<ObjectVersion> page = stackalloc ObjectVersion[64];
        ObjectId? after = mark.After;
        int count;
        do
        {
            count = shard.Objects.List(pg.Id, after, page);
            for (int i = 0; i < count; i++)
            {
                after = page[i].Object;
                if (_noted.Count == MaxObjects || (mark.UpTo is { } last && ScrubMark.IsBehind(page[i].Object, last))) { return; }
                _noted.Add(page[i]);
            }
        }
        while (count == page.Length);
    }

    private async ReactorTask FindAsync(ulong mark, bool reads)
    {
        List<ObjectVersion> noted = [.. _noted];
        List<ScrubLine> lines = [];
        await shard.Scrubs.EnterAsync();
        foreach (ObjectVersion obj in noted)
        {
            if (!IsWanted(mark)) { break; }
            lines.Add(await LookAsync(mark, obj, reads));
        }
        shard.Scrubs.Leave();
        if (!IsWanted(mark)) { return; }
        _lines.AddRange(lines);
        _isDone = true;
    }

    /// <summary>Another mark has come, or the replica has gone.</summary>
    private bool IsWanted(ulong mark) => _mark == mark && shard.TryGetPg(pg.Id, out PgReplica? now) && now == pg;

    private async ReactorTask<ScrubLine> LookAsync(ulong mark, ObjectVersion noted, bool reads)
    {
        PooledBuffer? buffer;
        while ((buffer = shard.Reactor.Buffers.TryRent(PieceBlocks * Units.BlockBytes, BufferUse.ReadBack)) is null)
        {
            await shard.Reactor.Delay(Units.NanosPerMilli);
        }
        (Errno status, ulong version) = await shard.Repairs.CopyChecksumsAsync(pg.Id, noted.Object, buffer);
        ulong digest = status is Errno.None ? DigestOf(buffer) : 0;
        if (version != noted.Version && !Sabotage.Is(SabotageKind.ScrubAtDifferentIndexes)) { version = 0; }
        uint bad = status is Errno.None ? 0U : 1U;
        if (reads && bad == 0) { bad = await ReadAsync(mark, noted.Object, buffer); }
        buffer.Release();
        return new ScrubLine(noted.Object, version, digest, bad);
    }

    private ulong DigestOf(PooledBuffer buffer)
    {
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(buffer.Span(0, Units.BlockBytes)).CopyTo(_crcs);
        ulong digest = 0;
        for (int block = 0; block < pg.BlocksPerObject; block++) { digest = Mix.Fold(digest, _crcs[block]); }
        return digest == 0 ? 1 : digest; // 0 says that there is none
    }

    /// <summary>Reads every block that holds data, at the rate that is allowed.</summary>
    /// <returns>Blocks that were damaged; they are noted for repair.</returns>
    private async ReactorTask<uint> ReadAsync(ulong mark, ObjectId obj, PooledBuffer buffer)
    {
        ulong[] map = new ulong[(pg.BlocksPerObject + 63) / 64];
        _ = shard.Objects.GetBlockMap(pg.Id, obj, map);
        AwaitedRead read = new(shard.Objects);
        uint bad = 0;
        for (int at = 0; at < pg.BlocksPerObject && IsWanted(mark);)
        {
            if ((map[at / 64] >> (at % 64) & 1) == 0)
            {
                at++;
                continue;
            }
            int count = 1;
            while (count < PieceBlocks && at + count < pg.BlocksPerObject && (map[(at + count) / 64] >> ((at + count) % 64) & 1) != 0) { count++; }
            Errno status = await read.RunAsync(pg.Id, obj, at, count, buffer);
            for (int i = 0; status is not Errno.None && i < count; i++)
            {
                if (await read.RunAsync(pg.Id, obj, at + i, 1, buffer) is Errno.None) { continue; }
                shard.Repairs.Add(pg.Id, obj, at + i);
                bad++;
            }
            shard.Counters.ScrubbedBytes += (long)count * Units.BlockBytes;
            at += count;
            await shard.Scrubs.PaceAsync(count * Units.BlockBytes);
        }
        return bad;
    }
}
